"""What makes a folder a result: SimulEval's log, and what the run was made with."""

LOG = "instances.log"  # SimulEval's: without it a folder is no result
CONFIGURATION = "evaluation.yaml"
