import sys

from benchmarks.long_speech.run import main

if __name__ == "__main__":
    sys.exit(main())
