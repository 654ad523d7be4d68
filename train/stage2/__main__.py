import sys

from train.recipes.command import main

if __name__ == "__main__":
    sys.exit(main("stage2"))
