"""How many clients a server holds in real time: ours, a process for each client, and simulstream's pool.

    python -m benchmarks.serving CONFIG.yaml [--clients 1 2 4 8] [--seconds 20] [--output DIR]

Every server loads the same agent, and every client speaks the same clips in real time, a chunk at a time.
An answer's delay is from sending the last sample of its chunk to its arrival: what the service adds to the
policy's own latency. A number of clients is held where 95% of all delays are under 0.5 s. Processor time of
the servers for each second of audio says the same of a machine that does other work as well, where delays do
not.
"""
