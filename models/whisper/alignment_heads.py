"""The heads of Whisper's decoder whose cross-attention follows the speech."""

from pathlib import Path

from foundation.errors import InputError
from models.layers.attention_heads import Heads
from models.whisper.network import SpeechDimensions

# Cross-attention heads whose attention follows the speech in OpenAI's checkpoints, as published in
# whisper/__init__.py of openai/whisper. Each model is known by its sizes, which large-v1 and large-v2
# share, so these two have no entry.
ALIGNMENT_HEADS: dict[tuple[int, ...], Heads] = {
    # n_mels, n_vocab, n_audio_layer, n_text_layer, n_text_state
    (80, 51864, 4, 4, 384): ((1, 0), (2, 0), (2, 5), (3, 0), (3, 1), (3, 2), (3, 3), (3, 4)),
    (80, 51865, 4, 4, 384): ((2, 2), (3, 0), (3, 2), (3, 3), (3, 4), (3, 5)),
    (80, 51864, 6, 6, 512): ((3, 3), (4, 7), (5, 1), (5, 5), (5, 7)),
    (80, 51865, 6, 6, 512): ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6)),
    (80, 51864, 12, 12, 768): (
        ((6, 6), (7, 0), (7, 3), (7, 8), (8, 2), (8, 5), (8, 7), (9, 0), (9, 4), (9, 8), (9, 10))
        + ((10, 0), (10, 1), (10, 2), (10, 3), (10, 6), (10, 11), (11, 2), (11, 4))
    ),
    (80, 51865, 12, 12, 768): (
        ((5, 3), (5, 9), (8, 0), (8, 4), (8, 7), (8, 8), (9, 0), (9, 7), (9, 9), (10, 5))
    ),
    (80, 51864, 24, 24, 1024): (
        ((11, 4), (14, 1), (14, 12), (14, 14), (15, 4), (16, 0), (16, 4), (16, 9), (17, 12), (17, 14))
        + ((18, 7), (18, 10), (18, 15), (20, 0), (20, 3), (20, 9), (20, 14), (21, 12))
    ),
    (80, 51865, 24, 24, 1024): ((13, 15), (15, 4), (15, 15), (16, 1), (20, 0), (23, 4)),
    (128, 51866, 32, 32, 1280): (
        ((7, 0), (10, 17), (12, 18), (13, 12), (16, 1), (17, 14), (19, 11), (21, 4), (24, 1), (25, 6))
    ),
    (128, 51866, 32, 4, 1280): ((2, 4), (2, 11), (3, 3), (3, 6), (3, 11), (3, 14)),
}


def alignment_heads(source: Path, declared: object, d: SpeechDimensions) -> Heads | None:
    """The heads that the model's files declare, also ones that it lacks, else those published for its sizes.

    Raises InputError for what is no list of pairs.
    """
    if declared is None:
        return ALIGNMENT_HEADS.get((d.n_mels, d.n_vocab, d.n_audio_layer, d.n_text_layer, d.n_text_state))
    pairs = declared if isinstance(declared, list) else []
    usable = all(isinstance(pair, list) and list(map(type, pair)) == [int, int] for pair in pairs)
    if not pairs or not usable:
        raise InputError(
            f"alignment_heads {str(declared):.80} in {source} must list (layer, head) pairs of whole "
            "numbers: correct generation_config.json, or remove the entry"
        )
    return tuple((layer, head) for layer, head in pairs)
