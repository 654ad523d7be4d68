"""Supervised fine-tuning of an audio-language model, with self-augmented data among the rest (SimulSA).

python -m train.simulsa_sft OUTPUT --config-file train/simulsa_sft/configs/mini.yaml [--config KEY=VALUE ...]
"""

import sys

from train.recipes.command import main

if __name__ == "__main__":
    sys.exit(main("simulsa_sft"))
