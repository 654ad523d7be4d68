"""How many clients a server holds in real time: ours, a process for each client, and simulstream's pool.

    python -m benchmarks.serving [AGENT.yaml ...] [--seconds 10] [--most-clients 64] [--output DIR]

Without files it is reina-mini, simulsa-mini and Whisper tiny.en with AlignAtt (benchmarks/serving/agents).
Every server loads the same agent, and every client speaks the same clips in real time, a chunk at a time. An
answer's delay is from sending the last sample of its chunk to its arrival: what the service adds to the
policy's own latency. A number of clients is held where 95% of all delays are under 0.5 s. Numbers double
until one is not held, and the one in the middle between the last two is tried, too.

DIR gets serving.tsv (a line for each number of clients), delays.tsv (one for each answer), held.tsv,
paper.tsv and serving.png, written anew after every measurement. Nothing else may run meanwhile; two cores
take about 20 minutes.
"""

import sys

from benchmarks.serving.run import main

if __name__ == "__main__":
    sys.exit(main())
