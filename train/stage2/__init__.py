"""Stage 2 of REINA: the translator learns to translate what it has heard so far.

python -m train.stage2 OUTPUT --config-file train/stage2/configs/mini.yaml [--config KEY=VALUE ...]
"""
