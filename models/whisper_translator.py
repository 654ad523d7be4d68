"""Whisper with its own decoder behind the Translator interface: X -> en, and transcription."""

import logging
from pathlib import Path

import torch

from models.speech_translator import SpeechTranslator
from models.translator import TranslatorOptions
from models.whisper import Whisper
from models.whisper_checkpoint import load_whisper_checkpoint
from models.whisper_tokenizer import WhisperTokenizer

logger = logging.getLogger(__name__)


def load_whisper_translator(path: Path, options: TranslatorOptions) -> SpeechTranslator:
    """Load a Hugging Face folder, an OpenAI .pt file or a CTranslate2 folder of any size.

    Raises InputError when `path` holds no usable Whisper.
    """
    checkpoint = load_whisper_checkpoint(path)
    if options.trailing_silence_ms == 0:
        logger.warning(
            "%s hears no silence behind the audio. Whisper as published then runs on past the end; "
            "unless this one was fine-tuned for it, add --trailing-silence-ms 5000",
            path,
        )
    with torch.device("meta"):
        model = Whisper(checkpoint.dimensions)
    model.load_state_dict(checkpoint.weights, assign=True)
    tokenizer = WhisperTokenizer(checkpoint.tokenizer_file, checkpoint.dimensions.n_vocab)
    return SpeechTranslator(model, tokenizer, options, checkpoint.alignment_heads)
