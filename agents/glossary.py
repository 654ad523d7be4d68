"""Words that a user expects to be said: names, terms, or a paragraph that sets the scene.

A model that knows prompts is told them in front of everything that it hears (`Tokenizer.glossary_prompt`),
for the whole stream; text that was written before follows behind, as far as there is room.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agents.history_options import HistoryOptions
from foundation.errors import InputError
from foundation.files.text_lines import read_lines

if TYPE_CHECKING:  # a file can be refused before torch is imported
    from models.translator import Translator

SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", "…")
ENDS = (*SENTENCE_ENDS, ",", ";", ":", "、")


def check_context(options: HistoryOptions) -> None:
    """Raises InputError, before a model is loaded, where the file of a context cannot be used."""
    if options.context is not None:
        read_glossary(Path(options.context))


def read_glossary(path: Path) -> str:
    """The text of a file with terms, one a line, or sentences. Raises InputError for none."""
    try:
        return glossary_text("\n".join(read_lines(path)))
    except InputError as error:
        message = str(error)
        raise InputError(message if str(path) in message else f"context {path}: {message}") from None


def glossary_text(text: str) -> str:
    """Terms or sentences, one a line, as one text: terms with commas between. Raises InputError for none."""
    lines = [" ".join(line.split()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise InputError(
            "a context must hold words, and there are none: write terms or sentences, or leave it out"
        )
    parts = [line if line.endswith(ENDS) else line + "," for line in lines]
    told = " ".join(parts).rstrip(",;:、")
    return told if told.endswith(SENTENCE_ENDS) else told + "."


def told_tokens(translator: Translator, text: str) -> tuple[int, ...]:
    """Tokens of what one stream is told: terms, one a line, or sentences; none for an empty text.

    Raises InputError as `glossary_tokens`.
    """
    return glossary_tokens(translator, glossary_text(text)) if text.strip() else ()


def glossary_tokens(translator: Translator, text: str) -> tuple[int, ...]:
    """Tokens of a text that `glossary_text` made.

    Raises InputError where the model knows no prompts, or has not so much room.
    """
    tokenizer = translator.tokenizer
    room = tokenizer.glossary_room
    if not room:
        raise InputError(
            "this model takes no context, for its prompt has no place for one: leave context out (in the "
            "--prompt of an audio-language model {context} says where it stands)"
        )
    room = min(room, translator.maximum_tokens // 2 - 1)
    tokens = tuple(tokenizer.encode_sentence(text))
    if len(tokens) > room:
        raise InputError(
            f"the context has {len(tokens)} tokens, and the model's prompt has room for {room}: shorten it"
        )
    return tokens
