"""Tokenizer and prompt of a causal language model that is asked to translate.

The prompt is a text with special tokens, {source} and {target} for the languages' English names, and {text}
where the source text belongs; the translation is written behind it.

Shapes: V vocabulary.
"""

from collections.abc import Sequence
from pathlib import Path

from foundation.errors import InputError
from models.decoding.token_texts import TokenTexts
from models.languages import ENGLISH_NAMES, LanguagePair, canonical_language, language_code
from models.storage.byte_level import token_bytes
from models.storage.piece_bytes import BYTE, piece_bytes
from models.storage.tokenizer_files import read_tokenizer
from models.text_translation.tokens import SourceTokens

# Where a model knows chats in this form, and where nothing is known of it.
CHAT = (
    "<|im_start|>user\nTranslate from {source} into {target}, and write nothing but the translation.\n{text}"
    "<|im_end|>\n<|im_start|>assistant\n"
)
PLAIN = "{source}: {text}\n{target}:"
CHAT_END = "<|im_end|>"
PLACE = "{text}"


class CausalTokenizer(TokenTexts):
    """Tokenizer of one model. In a prompt the source text is one token, whatever its length."""

    def __init__(self, file: Path, vocabulary_size: int, ends: Sequence[int], prompt: str | None) -> None:
        """ends: ids that end a text, by the model's configuration. prompt: None is the model's form of it.

        Raises InputError if the file cannot be read or belongs to another model, or for a prompt without
        exactly one place for the text, or with nothing behind it.
        """
        self._tokenizer = read_tokenizer(file)
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        most = max(ids.values(), default=-1)
        is_chat = CHAT_END in ids and "<|im_start|>" in ids
        end = ids[CHAT_END] if is_chat and prompt is None else (ends[0] if ends else ids.get(CHAT_END))
        if most >= vocabulary_size or end is None:
            fault = f"has {most + 1} tokens" if end is not None else "has no end of sequence"
            raise InputError(
                f"{file} {fault}, so it is not the tokenizer of this model of {vocabulary_size} tokens: copy "
                "the files of the same model"
            )
        self.vocabulary_size = vocabulary_size
        self.end_of_sequence: int = end
        self.audio_token = vocabulary_size  # stands for the source text, and is never embedded
        self._prompt = prompt if prompt is not None else (CHAT if is_chat else PLAIN)
        before, place, after = self._prompt.partition(PLACE)
        if not place or PLACE in after or not after:
            raise InputError(
                f"the prompt {self._prompt!r:.200} must hold {{text}} once, and text or a special token "
                "behind it: write where the source text belongs"
            )
        self._bytes = self._token_bytes(ids)

    def _token_bytes(self, ids: dict[str, int]) -> list[bytes]:
        try:
            return token_bytes(self._tokenizer, self.vocabulary_size)
        except InputError:  # pieces of SentencePiece
            added = self._tokenizer.get_added_tokens_decoder()
            table = [b""] * self.vocabulary_size
            for piece, id in ids.items():
                if BYTE.fullmatch(piece) or id not in added:
                    table[id] = piece_bytes(piece)
            return table

    def language_code(self, language: str) -> str:
        """Code of a language given by code, region or name. Raises InputError for an unknown one."""
        code = canonical_language(language)
        return code if code in ENGLISH_NAMES else language_code(language, ENGLISH_NAMES)

    def prompt(self, source_language: str, target_language: str) -> list[int]:
        """Tokens before the source text, one for the text, and those behind it. Raises InputError."""
        text = self._prompt
        for mark, language in (("{source}", source_language), ("{target}", target_language)):
            text = text.replace(mark, ENGLISH_NAMES[self.language_code(language)])
        self._tokenizer.encode_special_tokens = False
        before, after = (
            self._tokenizer.encode(part, add_special_tokens=place == 0).ids
            for place, part in enumerate(text.split(PLACE))
        )
        return [*before, self.audio_token, *after]

    def source(self, text: str, languages: LanguagePair) -> SourceTokens:
        """A source text in tokens; what looks like a special token there is text."""
        self._tokenizer.encode_special_tokens = True
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        ends = tuple(min(end, len(text)) for _, end in encoded.offsets)
        return SourceTokens(tuple(encoded.ids), ends, len(ends))

    def context_prompt(self, context: Sequence[int]) -> list[int]:
        """Nothing: no earlier text is shown."""
        return []
