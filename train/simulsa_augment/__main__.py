"""`python -m train.simulsa_augment`, for `simulst augment`."""

import sys

from train.simulsa_augment import main

if __name__ == "__main__":
    sys.exit(main())
