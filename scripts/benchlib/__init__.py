"""Measures wimstore beside other programs that read WIM archives. Started by scripts/bench."""
