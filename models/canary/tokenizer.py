"""Canary's tokenizer: SentencePiece pieces as Hugging Face's tokenizer.json holds them, and the prompt.

Pieces carry the space in front of a word. Control tokens such as <|en|> or <|pnc|>, timestamps among them,
are no text and are never generated but for the end. A hypothesis starts with

    <|startofcontext|> <|startoftranscript|> <|emo:undefined|> <|source|> <|target|>
    <|pnc|> or <|nopnc|> <|noitn|> <|notimestamp|> <|nodiarize|>

as transformers' processor writes it. (NeMo encodes the same prompt as text, so that a piece of a single space
stands in front of it, which transformers leaves out.) Vocabularies have tokens of many more languages than
the models were trained for: which ones they know, their configuration may tell.

Shapes: V vocabulary.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from foundation.errors import InputError
from models.decoding.token_texts import TokenTexts
from models.language_pairs import CANARY_LANGUAGES, CanaryPairs
from models.storage.piece_bytes import piece_bytes
from models.storage.tokenizer_files import read_tokenizer

END, START = "<|endoftext|>", "<|startofcontext|>"
BEGINNING = (START, "<|startoftranscript|>", "<|emo:undefined|>")
PUNCTUATION, NO_PUNCTUATION = "<|pnc|>", "<|nopnc|>"
SETTINGS = ("<|noitn|>", "<|notimestamp|>", "<|nodiarize|>")
NEEDED = (END, *BEGINNING, PUNCTUATION, NO_PUNCTUATION, *SETTINGS)
NO_TEXT = re.compile(r"<\|.*\|>|<unk>|<pad>|</?s>")
PROBE = "the sea"


class CanaryTokenizer(TokenTexts):
    """Tokenizer of one Canary."""

    glossary_room = 256  # of the 1,024 positions of published decoders

    def __init__(
        self,
        file: Path,
        vocabulary_size: int,
        declared: Mapping[str, int] | None = None,
        languages: Sequence[str] = CANARY_LANGUAGES,
        punctuation: bool = True,
    ) -> None:
        """file: tokenizer.json. vocabulary_size: V of the network.

        declared: ids of special tokens that the model's configuration gives; languages: codes that the model
        was trained for; punctuation: whether text is asked for with punctuation and capital letters.
        Raises InputError if the file cannot be read or belongs to another model.
        """
        self._tokenizer = read_tokenizer(file)
        # Text that happens to spell "<|en|>" is text.
        self._tokenizer.encode_special_tokens = True
        self._ids = self._tokenizer.get_vocab(with_added_tokens=True)
        self._bytes = [b""] * vocabulary_size
        self.languages = tuple(code for code in languages if f"<|{code}|>" in self._ids)
        self._pairs = CanaryPairs(self.languages)
        try:
            self._check(vocabulary_size, declared or {})
            for token, id in self._ids.items():
                self._bytes[id] = b"" if NO_TEXT.fullmatch(token) else piece_bytes(token)
            if self.decode(self.encode(PROBE)) != PROBE:
                raise InputError(f"does not give back the text {PROBE!r}")
        except InputError as error:
            raise InputError(
                f"{file} {error}, so it is not the tokenizer of this Canary of {vocabulary_size} tokens: "
                f"copy the {file.name} of the same model"
            ) from None
        self.file = file
        self.vocabulary_size = vocabulary_size
        self.punctuation = punctuation
        self.end_of_sequence: int = self._ids[END]

    def _check(self, vocabulary_size: int, declared: Mapping[str, int]) -> None:
        """Raises InputError, whose subject is the file, if the ids are not those of the network."""
        lacking = [token for token in NEEDED if token not in self._ids]
        if lacking or not self.languages:
            raise InputError(f"lacks {', '.join(lacking) or 'a token of any language'}")
        most = max(self._ids.values())
        if most >= vocabulary_size:
            raise InputError(f"has {most + 1} tokens")
        for token, id in declared.items():
            if self._ids[token] != id:
                raise InputError(f"has {token} at {self._ids[token]}, the model's configuration at {id}")

    def language_code(self, language: str) -> str:
        """Code of a language given by code, region or name. Raises InputError for an unknown one."""
        return self._pairs.code(language)

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """Tokens that start every hypothesis. Raises InputError for a pair that the model cannot do."""
        source, target = self._pairs.pair(source_language, target_language)
        style = PUNCTUATION if self.punctuation else NO_PUNCTUATION
        tokens = (*BEGINNING, f"<|{source}|>", f"<|{target}|>", style, *SETTINGS)
        return [self._ids[token] for token in tokens]

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Nothing: published uses leave the place for earlier text, behind <|startofcontext|>, empty."""
        return []

    def glossary_prompt(
        self, source_language: str, target_language: str, glossary: Sequence[int], written: Sequence[int]
    ) -> list[int]:
        """The prompt with a glossary in the place of earlier text, which is left out."""
        begins, *rest = self.prompt(source_language, target_language)
        return [begins, *glossary, *rest]

    def encode(self, text: str) -> list[int]:
        """Text tokens only: nothing is added in front or behind."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    encode_sentence = encode  # the pieces of a first word carry a space already
