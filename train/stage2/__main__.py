import sys

from train.recipe_command import main

if __name__ == "__main__":
    sys.exit(main("stage2"))
