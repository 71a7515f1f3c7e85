"""random_reads.py LIST COUNT: reads 4 KiB at COUNT random places of the files in LIST, the same places in each run.

It is started in the tree's root. A place is chosen by bytes, so that a file's share of the reads is its share of the size.
"""
import os
import random
import sys

BLOCK = 4096


def main() -> None:
    with open(sys.argv[1], "rb") as paths:
        files = [os.open(path, os.O_RDONLY) for path in paths.read().split(b"\0") if path]
    blocks = [os.fstat(file).st_size // BLOCK for file in files]
    choose = random.Random(4)
    for file in choose.choices(files, weights=blocks, k=int(sys.argv[2])):
        place = choose.randrange(blocks[files.index(file)]) * BLOCK
        if len(os.pread(file, BLOCK, place)) != BLOCK:
            sys.exit(f"short read at {place}")


if __name__ == "__main__":
    main()
