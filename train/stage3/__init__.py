"""Stage 3 of REINA: a policy network learns what more audio would tell.

python -m train.stage3 OUTPUT --config-file train/stage3/configs/mini.yaml [--config KEY=VALUE ...]
"""
