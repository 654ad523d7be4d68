"""Where the processes of a sweep can run, by the names that options give them."""

# submitit's own local executor is Slurm's path without a cluster.
EXECUTORS = ("local", "slurm", "submitit-local")
