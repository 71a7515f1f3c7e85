"""Rules that Microsoft's programs, 7-Zip and wimlib have for archives, checked on bytes alone.

`python3 -B -m rules [--except RULE]... ARCHIVE...` prints `ARCHIVE: RULE: what is broken` for each
broken rule and ends with 1 if there is one. It shares no code with wimstore and reads the format as
docs/format.md explains it. It is slow: the codecs are plain Python.
"""
