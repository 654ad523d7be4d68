"""Whisper with its own decoder behind the Translator interface: X -> en, and transcription."""

import logging
from collections.abc import Sequence
from pathlib import Path

from models.layers.empty_network import without_values
from models.speech_translator import SpeechTranslator
from models.translator import TranslatorOptions
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.hearing import FROZEN_AFTER_MS, Hearing
from models.whisper.network import Whisper
from models.whisper.tokenizer import WhisperTokenizer

logger = logging.getLogger(__name__)


# Whisper hears 30 s windows in training, so that nearly all its clips end in silence: without any it runs on
# past the end of the audio, and with less than the window it repeats itself. Thinned to every fourth frame it
# costs little time, and no word errors that can be measured; every eighth does (benchmarks/whisper_hearing).
PUBLISHED = Hearing(30_000, silence_stride=4, frozen_after_ms=FROZEN_AFTER_MS)


def usual_hearing(trailing_silence_ms: int | None) -> Hearing:
    """Of a Whisper that was trained with such silence behind its clips; None: of one as published."""
    if trailing_silence_ms is None:
        return PUBLISHED
    return Hearing(trailing_silence_ms, frozen_after_ms=FROZEN_AFTER_MS)


class WhisperTranslator(SpeechTranslator):
    """Whisper of any size."""

    def __init__(
        self,
        model: Whisper,
        tokenizer: WhisperTokenizer,
        options: TranslatorOptions,
        alignment_heads: Sequence[tuple[int, int]] | None = None,
        usual_hearing: Hearing = PUBLISHED,
    ) -> None:
        """usual_hearing: as this model was trained; see also SpeechTranslator."""
        self.usual_hearing = usual_hearing
        super().__init__(model, tokenizer, options, alignment_heads)


def load_whisper_translator(path: Path, options: TranslatorOptions) -> WhisperTranslator:
    """Load a Hugging Face folder, an OpenAI .pt file, a CTranslate2 folder of any size, or an adapter.

    Raises InputError when `path` holds no usable Whisper.
    """
    checkpoint = load_whisper_checkpoint(path)
    usual = usual_hearing(checkpoint.trailing_silence_ms)
    _say_silence(path, options, usual)
    with without_values():
        model = Whisper(checkpoint.dimensions)
    model.load_state_dict(checkpoint.weights, assign=True)
    tokenizer = WhisperTokenizer(
        checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab, checkpoint.special_tokens
    )
    translator = WhisperTranslator(model, tokenizer, options, checkpoint.alignment_heads, usual)
    if checkpoint.adapter is not None:
        translator.adapter = checkpoint.adapter.fingerprint
    return translator


def _say_silence(path: Path, options: TranslatorOptions, usual: Hearing) -> None:
    chosen_ms = options.trailing_silence_ms
    if chosen_ms is None:
        stride = usual.chosen(options).silence_stride
        thinned = f", thinned to one frame in {stride}" if stride > 1 else ""
        logger.info(
            "%s hears %d ms of silence behind the audio%s; --trailing-silence-ms changes it",
            path,
            usual.silence_ms,
            thinned,
        )
    elif chosen_ms == 0 < usual.silence_ms:
        logger.warning(
            "%s hears no silence behind the audio. Whisper as published then runs on past the end; "
            "unless this one was fine-tuned for it, leave --trailing-silence-ms out",
            path,
        )
