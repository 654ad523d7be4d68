"""A small audio-language model in Qwen2-Audio's format, from parts: where training starts.

    python -m train.compose_audio_language_model --output runs/composed --whisper openai/whisper-tiny.en \\
        --manifests train.tsv --languages de fr --vocabulary 8000 --width 256 --layers 6

Whisper's encoder with its weights, a new adapter, and a new causal language model in Qwen2's layout with a
vocabulary trained on the texts; or, with --language-model FOLDER, a Qwen2 and its vocabulary as they are.
The encoder is meant to stay frozen: the adapter and a new language model know nothing yet. transformers and
our agents load the folder.
"""

import sys
from collections.abc import Sequence

from foundation.commands import run_command
from train.commands import COMPOSE


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m train.compose_audio_language_model`: run the command, return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return run_command("python -m train.compose_audio_language_model", COMPOSE, words)


if __name__ == "__main__":
    sys.exit(main())
