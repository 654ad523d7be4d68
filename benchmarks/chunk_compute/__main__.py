import sys

from benchmarks.chunk_compute.run import main

if __name__ == "__main__":
    sys.exit(main())
