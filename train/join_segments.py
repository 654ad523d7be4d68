"""`python -m train.join_segments ...`, for `simulst prepare join ...`: the command's earlier name."""

import sys

from train.prepare import main

if __name__ == "__main__":
    sys.exit(main(["join", *sys.argv[1:]]))
