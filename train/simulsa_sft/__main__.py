"""Supervised fine-tuning of an audio-language model, with self-augmented data among the rest (SimulSA).

python -m train.simulsa_sft OUTPUT --config-file train/simulsa_sft/configs/mini.yaml [--config KEY=VALUE ...]
"""

from fairseq2.recipe.cli import main

from train.simulsa_sft.recipe import SftRecipe

main(SftRecipe())
