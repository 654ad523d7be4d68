"""Causal language models that translate by a prompt, against transformers on random weights."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from foundation.errors import InputError
from models.languages import LanguagePair
from models.text_translation.causal_translator import load_causal_translator
from models.text_translation.source_text import SourceText
from models.translator import TranslatorOptions
from tests.models.tiny_text_translators import write_tiny_causal

PAIR = LanguagePair("en", "de")
TEXT = "the sea was calm and the ship sailed home"


@pytest.fixture(scope="module", params=["chat", "plain"])
def folder(request, tmp_path_factory):
    return write_tiny_causal(tmp_path_factory.mktemp("model"), chat=request.param == "chat")


@pytest.fixture(scope="module")
def translator(folder):
    return load_causal_translator(folder, TranslatorOptions())


def source(text: str) -> SourceText:
    stream = SourceText(PAIR)
    for place, word in enumerate(text.split(), start=1):
        stream.add(f" {word}", 400.0 * place)
    return stream


def greedy(translator, memory, committed=(), count=10) -> list[int]:
    prompt = translator.tokenizer.prompt("en", "de")
    state, output = translator.start(memory, [[*prompt, *committed]])
    written = []
    while len(written) < count and translator.tokenizer.end_of_sequence not in written:
        written.append(int(output.log_probabilities.argmax()))
        output = translator.step(state, torch.tensor([written[-1]]))
    return written


def test_greedy_search_writes_what_their_generate_writes(folder, translator):
    tokenizer, stream = translator.tokenizer, source(TEXT)
    prompt = tokenizer.prompt("en", "de")
    place = prompt.index(tokenizer.audio_token)
    whole = [*prompt[:place], *translator.source_tokens(stream).tokens, *prompt[place + 1 :]]
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    expected = theirs.generate(
        torch.tensor([whole]),
        attention_mask=torch.ones(1, len(whole), dtype=torch.int64),
        suppress_tokens=tokenizer.suppressed,
        eos_token_id=tokenizer.end_of_sequence,
        pad_token_id=tokenizer.end_of_sequence,
        max_new_tokens=10,
        do_sample=False,
    )[0, len(whole) :].tolist()
    assert greedy(translator, translator.encode_streams([stream])) == expected


def test_a_text_that_grows_reads_only_its_new_words_and_writes_the_same(translator, monkeypatch):
    growing = source("the sea was")
    before = greedy(translator, translator.encode_streams([growing]), count=3)
    read = []
    hidden_states = translator.model.hidden_states
    monkeypatch.setattr(
        translator.model,
        "hidden_states",
        lambda embeddings, *rest, **more: (
            read.append(embeddings.shape[1]) or hidden_states(embeddings, *rest, **more)
        ),
    )
    known = len(translator.source_tokens(growing).tokens)
    for place, word in enumerate("calm and the ship sailed home".split(), start=4):
        growing.add(f" {word}", 400.0 * place)
    prompt = translator.tokenizer.prompt("en", "de")
    behind = len(prompt) - prompt.index(translator.tokenizer.audio_token) - 1
    new = len(translator.source_tokens(growing).tokens) - known
    assert greedy(translator, translator.encode_streams([growing]), before, 5) == greedy(
        translator, translator.encode_streams([source(TEXT)]), before, 5
    )
    assert read[0] == new + behind + len(before)


def test_words_that_were_forgotten_leave_no_keys(translator):
    stream = source(TEXT)
    greedy(translator, translator.encode_streams([stream]))
    stream.forget_before(1200.0, 1200.0)
    assert stream.text == "calm and the ship sailed home"
    memory = translator.encode_streams([stream])
    assert memory.end_ms[0, -1] == 9 * 400 - 1200
    assert greedy(translator, memory) == greedy(translator, translator.encode_streams([source(stream.text)]))


def test_streams_of_unequal_length_are_as_alone(translator):
    texts = [TEXT, "the sea", "the ship sailed home"]
    prompt = translator.tokenizer.prompt("en", "de")
    prefixes = [[*prompt, 20, 30], prompt, [*prompt, 41, 20, 33, 21]]
    memory = translator.encode_streams([source(text) for text in texts])
    _, together = translator.start(memory, prefixes, with_attention=True)
    for row, (text, prefix) in enumerate(zip(texts, prefixes, strict=True)):
        _, alone = translator.start(translator.encode_streams([source(text)]), [prefix], [0], True)
        width = alone.attention.shape[1]
        torch.testing.assert_close(
            together.log_probabilities[row], alone.log_probabilities[0], atol=1e-4, rtol=0
        )
        torch.testing.assert_close(together.attention[row, :width], alone.attention[0], atol=1e-5, rtol=0)


def test_eight_bits_change_little(folder, translator):
    eight = load_causal_translator(folder, TranslatorOptions(precision="int8"))
    prompt = translator.tokenizer.prompt("en", "de")
    exact = translator.start(translator.encode_streams([source(TEXT)]), [prompt])[1].log_probabilities
    rough = eight.start(eight.encode_streams([source(TEXT)]), [prompt])[1].log_probabilities
    some = exact.isfinite()
    assert 0 < float((exact - rough)[some].abs().mean()) < 0.3
    with pytest.raises(InputError, match="leave out encoder_precision"):
        TranslatorOptions(precision="int8", encoder_precision="bfloat16").language_model_dtype()


def test_the_users_prompt_needs_one_place_for_the_text(folder):
    prompt = TranslatorOptions(prompt="Say {text} in {target}: ")
    tokenizer = load_causal_translator(folder, prompt).tokenizer
    assert tokenizer.prompt("en", "de").count(tokenizer.audio_token) == 1
    for wrong in ("Say it", "{text} and {text}: ", "Say: {text}"):
        with pytest.raises(InputError, match="must hold {text} once, and text"):
            load_causal_translator(folder, TranslatorOptions(prompt=wrong))
