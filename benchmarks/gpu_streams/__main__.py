import sys

from benchmarks.gpu_streams.run import main

if __name__ == "__main__":
    sys.exit(main())
