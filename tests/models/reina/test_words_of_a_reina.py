"""A list of words beside a REINA's weights."""

from dataclasses import replace

import numpy as np

from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.storage.word_lists import LETTERS
from models.translator import TranslatorOptions
from tests.models.tiny_reina import write_tiny_reina


def test_a_list_of_words_beside_the_weights_binds_one_language(tmp_path):
    """Also where a policy wraps the model, and not the other languages."""
    folder = write_tiny_reina(tmp_path / "model", threshold=0.0)
    waveform = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    options = SearchOptions(blocked_ngram=0, repeated_phrase=0)

    def words(known_words=True):
        translator = load_translator(str(folder), TranslatorOptions())
        search = StreamingSearch(translator, replace(options, known_words=known_words))
        texts = []
        for language in ("de", "en"):
            prompt = translator.tokenizer.prompt("en", language)
            [one] = search.find(translator.encode([waveform]), [StreamRequest(prompt, [], True, 30)])
            texts.append(LETTERS.findall(translator.tokenizer.decode(one.tokens).lower()))
        return texts

    before = words()
    (folder / "words.de.txt").write_text("eine gute Liste", encoding="utf-8")
    german, english = words()
    assert set(before[0]) - {"eine", "gute", "liste"}
    assert not set(german) - {"eine", "gute", "liste"}
    assert english == before[1]
    assert words(known_words=False) == before
