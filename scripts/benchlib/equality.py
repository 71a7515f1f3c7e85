"""What must hold before anything is timed: every program gives the tree that was captured."""
from . import corpus as trees
from .corpus import Corpus


def check(corpus: Corpus, directory: str, who: str, expected_hash: str) -> None:
    """Stops the bench unless the tree in a directory equals the corpus in names, kinds, sizes, times, links and content."""
    found = trees.facts(directory)
    if found != corpus.facts:
        differing = sorted(set(found) ^ set(corpus.facts))[:10]
        raise SystemExit(f"bench: {who} differs from what was captured: {differing}")
    check_bytes(corpus, directory, who, expected_hash)


def check_bytes(corpus: Corpus, directory: str, who: str, expected_hash: str) -> None:
    """Stops the bench unless the files of the corpus are in a directory with the same bytes."""
    if trees.content_hash(directory, corpus.files) != expected_hash:
        raise SystemExit(f"bench: {who} has other bytes than what was captured")
