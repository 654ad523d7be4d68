"""Whisper with its own decoder behind the Translator interface: X -> en, and transcription."""

import logging
from collections.abc import Sequence
from pathlib import Path

from models.layers.empty_network import without_values
from models.speech_translator import SpeechTranslator
from models.translator import TranslatorOptions
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import Whisper
from models.whisper.tokenizer import WhisperTokenizer

logger = logging.getLogger(__name__)


# Whisper hears 30 s windows in training, so that nearly all its clips end in silence: without any it runs on
# past the end of the audio. 5 s are enough (README's table), and cheaper than the whole window.
PUBLISHED_SILENCE_MS = 5_000


class WhisperTranslator(SpeechTranslator):
    """Whisper of any size."""

    def __init__(
        self,
        model: Whisper,
        tokenizer: WhisperTokenizer,
        options: TranslatorOptions,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
        usual_silence_ms: int = PUBLISHED_SILENCE_MS,
    ) -> None:
        """usual_silence_ms: behind the audio, as this model was trained; see also SpeechTranslator."""
        self.usual_silence_ms = usual_silence_ms
        super().__init__(model, tokenizer, options, alignment_heads)


def load_whisper_translator(path: Path, options: TranslatorOptions) -> WhisperTranslator:
    """Load a Hugging Face folder, an OpenAI .pt file or a CTranslate2 folder of any size.

    Raises InputError when `path` holds no usable Whisper.
    """
    checkpoint = load_whisper_checkpoint(path)
    usual_ms = checkpoint.trailing_silence_ms
    if usual_ms is None:
        usual_ms = PUBLISHED_SILENCE_MS
    _say_silence(path, options.trailing_silence_ms, usual_ms)
    with without_values():
        model = Whisper(checkpoint.dimensions)
    model.load_state_dict(checkpoint.weights, assign=True)
    tokenizer = WhisperTokenizer(
        checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab, checkpoint.special_tokens
    )
    return WhisperTranslator(model, tokenizer, options, checkpoint.alignment_heads, usual_ms)


def _say_silence(path: Path, chosen_ms: int | None, usual_ms: int) -> None:
    if chosen_ms is None:
        logger.info(
            "%s hears %d ms of silence behind the audio, as it was trained; --trailing-silence-ms changes it",
            path,
            usual_ms,
        )
    elif chosen_ms == 0 < usual_ms:
        logger.warning(
            "%s hears no silence behind the audio. Whisper as published then runs on past the end; "
            "unless this one was fine-tuned for it, leave --trailing-silence-ms out",
            path,
        )
