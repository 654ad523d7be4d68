"""`python -m train.prepare`, for `simulst prepare`."""

import sys

from train.prepare import main

if __name__ == "__main__":
    sys.exit(main())
