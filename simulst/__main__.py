"""`python -m simulst COMMAND ...` and `torchrun -m simulst COMMAND ...`: the command without its script."""

import sys
from pathlib import Path

if sys.path[0] == str(Path.cwd()) != str(Path(__file__).parents[1]):
    # A train.py of the user's in the current folder shall not be imported in place of ours.
    del sys.path[0]

from simulst.commands import main

sys.exit(main())
