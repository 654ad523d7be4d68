"""Stage 1 of REINA: an offline translator learns ASR, NMT and S2TT at once.

python -m train.stage1 OUTPUT --config-file train/stage1/configs/mini.yaml [--config KEY=VALUE ...]
"""
