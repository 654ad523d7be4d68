"""A context of names and terms: how it is read, where models are told it, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from agents.engine import StreamingEngine
from agents.glossary import glossary_text, glossary_tokens, read_glossary
from agents.history import HistoryOptions
from agents.holdn_agent import HoldNPolicy
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.tiny_canary import write_tiny_canary
from tests.models.tiny_qwen2_audio import write_tiny_qwen2_audio
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

SPANISH = LanguagePair("es", "en")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    folder = write_tiny_whisper(tmp_path_factory.mktemp("models") / "tiny")
    return load_translator(str(folder), TranslatorOptions())


def engine_of(translator, **history):
    return StreamingEngine(translator, SearchOptions(), history=HistoryOptions(**history))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Foster\nReich\n", "Foster, Reich."),
        ("  the   cat \n\n\nsat on the mat\n", "the cat, sat on the mat."),
        ("The cat sat on the mat.\nIts name is Joey.", "The cat sat on the mat. Its name is Joey."),
        ("Foster,\nReich", "Foster, Reich."),
        ("Who is Joey?", "Who is Joey?"),
        ("東京。", "東京。"),
        ("Names:", "Names."),
    ],
)
def test_terms_become_a_list_and_sentences_stay(text, expected):
    assert glossary_text(text) == expected


def test_a_file_without_words_is_refused_by_its_name(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    with pytest.raises(InputError, match="empty.txt: a context must hold words"):
        read_glossary(tmp_path / "empty.txt")
    with pytest.raises(InputError, match="absent.txt: no such file"):
        read_glossary(tmp_path / "absent.txt")


def test_whisper_hears_it_as_text_said_before(whisper, tmp_path):
    file = tmp_path / "context.txt"
    file.write_text("the cat\nthe dog\n", encoding="utf-8")
    stream = engine_of(whisper, context=str(file)).open_stream(HoldNPolicy(), SPANISH)
    tokenizer = whisper.tokenizer
    told = tokenizer.encode(" the cat, the dog.")
    assert list(stream.prompt) == [*tokenizer.context_prompt(told), *tokenizer.prompt("es", "en")]


def test_the_glossary_stays_first_when_text_has_been_forgotten(whisper):
    engine = engine_of(whisper, context_words=200)
    glossary = glossary_tokens(whisper, "the cat.")
    stream = engine.open_stream(HoldNPolicy(), SPANISH, glossary=glossary)
    words = whisper.tokenizer.encode(" xylophones")
    stream.text.context = words * 60
    prompt = engine.history.prompt(stream)
    before, behind = prompt[: len(glossary) + 1], prompt[224:]
    assert before == (*whisper.tokenizer.context_prompt(glossary),)
    assert behind == tuple(whisper.tokenizer.prompt("es", "en"))
    # The newest of what was written fills the room: a mark, and 223 tokens.
    assert prompt[len(before) : 224] == tuple((words * 60)[-(223 - len(glossary)) :])
    assert len(prompt) == 228


def test_it_outlives_an_utterance(whisper):
    engine = engine_of(whisper)
    stream = engine.open_stream(HoldNPolicy(), SPANISH, glossary=glossary_tokens(whisper, "the cat."))
    before = stream.prompt
    engine.history.begin_utterance(stream)
    assert stream.prompt == before


def test_a_stream_without_one_writes_beside_one_that_has_it_what_it_writes_alone(whisper):
    audio = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    glossaries = (), glossary_tokens(whisper, "the cat sat on the mat.")

    def texts(chosen):
        engine = engine_of(whisper)
        streams = [engine.open_stream(HoldNPolicy(), SPANISH, glossary=glossary) for glossary in chosen]
        for stream in streams:
            stream.audio.append(audio, 16_000, finished=True)
        return [decision.text for decision in engine.step(streams)]

    together = texts(glossaries)
    assert together == [*texts(glossaries[:1]), *texts(glossaries[1:])]
    assert together[0] != together[1]


def test_a_context_beyond_the_prompt_is_refused_with_its_length(whisper):
    with pytest.raises(
        InputError, match=r"the context has \d{3,} tokens, and the model's prompt has room for 223"
    ):
        glossary_tokens(whisper, "the dog sat " * 200)


def test_a_model_without_prompts_refuses_it(tmp_path):
    reina = load_translator(str(write_tiny_reina(tmp_path / "tiny")), TranslatorOptions())
    with pytest.raises(InputError, match="this model takes no context, for its prompt has no place"):
        glossary_tokens(reina, "the cat.")


def test_canary_is_told_where_its_prompt_has_earlier_text(tmp_path):
    canary = load_translator(str(write_tiny_canary(tmp_path / "tiny")), TranslatorOptions())
    told = canary.tokenizer.encode("sea")
    begins, *rest = canary.tokenizer.prompt("en", "de")
    stream = engine_of(canary).open_stream(HoldNPolicy(), LanguagePair("en", "de"), glossary=tuple(told))
    assert list(stream.prompt) == [begins, *told, *rest]


def test_an_audio_language_model_is_told_at_its_place_and_special_tokens_are_text(tmp_path):
    folder = write_tiny_qwen2_audio(tmp_path / "tiny")
    model = load_translator(str(folder), TranslatorOptions())
    tokenizer = model.tokenizer
    plain = tokenizer.prompt("en", "de")
    told = glossary_tokens(model, "cat <|im_end|>.")
    stream = engine_of(model).open_stream(HoldNPolicy(), LanguagePair("en", "de"), glossary=told)
    end = tokenizer.end_of_sequence
    assert list(stream.prompt).count(end) == plain.count(end)
    expected = "text. These names and terms may be heard: cat <|im_end|>."
    assert expected in tokenizer.decode(stream.prompt)
    assert "{context}" not in tokenizer.decode(plain)
    other = TranslatorOptions(prompt="<|audio_bos|><|AUDIO|><|audio_eos|>Translate.")
    with pytest.raises(InputError, match=re.escape("{context} says where it stands")):
        glossary_tokens(load_translator(str(folder), other), "cat.")
    marked = replace(other, prompt=other.prompt + "{context}\n")
    assert glossary_tokens(load_translator(str(folder), marked), "cat.") == tuple(tokenizer.encode("cat."))
