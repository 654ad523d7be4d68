"""Every family of text translators against transformers' own classes, on random weights."""

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM

from models.languages import LanguagePair
from models.text_translation.source_text import SourceText
from models.text_translation.translator import load_text_translator
from models.translator import TranslatorOptions
from tests.models.tiny_text_translators import write_tiny_m2m, write_tiny_marian, write_tiny_t5

PAIR = LanguagePair("en", "de")
TEXT = "the sea was calm and the ship sailed home"
WRITERS = {
    "marian": write_tiny_marian,
    "marian, several targets": lambda folder: write_tiny_marian(folder, targets=("deu", "fra"), old=True),
    "nllb": write_tiny_m2m,
    "m2m": lambda folder: write_tiny_m2m(folder, nllb=False),
    "t5": lambda folder: write_tiny_t5(folder, gated=False),
    "t5 1.1": write_tiny_t5,
}


@pytest.fixture(scope="module", params=WRITERS)
def folder(request, tmp_path_factory):
    return WRITERS[request.param](tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def translator(folder):
    return load_text_translator(folder, TranslatorOptions())


@pytest.fixture(scope="module")
def theirs(folder):
    return AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation="eager").eval()


def source(text: str, ms_per_word: float = 400.0) -> SourceText:
    stream = SourceText(PAIR)
    for place, word in enumerate(text.split(), start=1):
        stream.add(f" {word}", ms_per_word * place)
    return stream


def test_encoder_states_logits_and_attention_are_theirs(translator, theirs):
    stream = source(TEXT)
    tokens = torch.tensor([translator.source_tokens(stream).tokens])
    prompt = translator.tokenizer.prompt("en", "de")
    written = [*prompt, 20, 30, 41, 20, 55]
    with torch.no_grad():
        expected = theirs(input_ids=tokens, decoder_input_ids=torch.tensor([written]), output_attentions=True)
    memory = translator.encode_streams([stream])
    torch.testing.assert_close(memory.frames, expected.encoder_last_hidden_state, atol=1e-4, rtol=1e-4)
    # One token after the other behind the prompt.
    state, output = translator.start(memory, [prompt], with_attention=True)
    for place in range(len(prompt) - 1, len(written)):
        ours = translator.model.decoder.logits(output.last_hidden)
        torch.testing.assert_close(ours, expected.logits[:, place], atol=2e-4, rtol=1e-4)
        attention = expected.cross_attentions[-1][:, :, place].mean(1)
        torch.testing.assert_close(output.attention, attention, atol=1e-4, rtol=1e-4)
        if place + 1 < len(written):
            output = translator.step(state, torch.tensor([written[place + 1]]))


def test_greedy_search_writes_what_their_generate_writes(translator, theirs):
    stream = source(TEXT)
    tokens, prompt = translator.source_tokens(stream).tokens, translator.tokenizer.prompt("en", "de")
    theirs.generation_config.forced_eos_token_id = None
    theirs.generation_config.bad_words_ids = None
    expected = theirs.generate(
        torch.tensor([tokens]),
        decoder_input_ids=torch.tensor([prompt]),
        suppress_tokens=translator.tokenizer.suppressed,
        max_new_tokens=12,
        num_beams=1,
        do_sample=False,
        use_cache=False,  # theirs counts the layers of the encoder
    )[0, len(prompt) :].tolist()
    state, output = translator.start(translator.encode_streams([stream]), [prompt])
    ours = []
    while len(ours) < 12 and translator.tokenizer.end_of_sequence not in ours:
        ours.append(int(output.log_probabilities.argmax()))
        output = translator.step(state, torch.tensor([ours[-1]]))
    assert ours == expected


def test_streams_of_unequal_length_are_as_alone(translator):
    texts = [TEXT, "the sea", "the ship sailed home"]
    prompt = translator.tokenizer.prompt("en", "de")
    prefixes = [[*prompt, 20, 30], prompt, [*prompt, 41, 20, 33, 21]]
    state, output = translator.start(
        translator.encode_streams([source(text) for text in texts]), prefixes, with_attention=True
    )
    second = translator.step(state, torch.tensor([22, 23, 24]))
    for row, (text, prefix) in enumerate(zip(texts, prefixes, strict=True)):
        alone, first = translator.start(translator.encode_streams([source(text)]), [prefix], [0], True)
        width = first.attention.shape[1]
        torch.testing.assert_close(
            output.log_probabilities[row], first.log_probabilities[0], atol=1e-4, rtol=0
        )
        torch.testing.assert_close(output.attention[row, :width], first.attention[0], atol=1e-5, rtol=0)
        after = translator.step(alone, torch.tensor([22 + row]))
        torch.testing.assert_close(
            second.log_probabilities[row], after.log_probabilities[0], atol=1e-4, rtol=0
        )


def test_a_text_that_grows_gives_the_memory_of_the_whole(translator):
    growing = source("the sea was")
    translator.encode_streams([growing])
    kept = growing.kept
    translator.encode_streams([growing])
    assert growing.kept is kept  # nothing was encoded again
    for place, word in enumerate("calm and the ship sailed home".split(), start=4):
        growing.add(f" {word}", 400.0 * place)
    memory, whole = translator.encode_streams([growing]), translator.encode_streams([source(TEXT)])
    assert torch.equal(memory.frames, whole.frames) and torch.equal(memory.end_ms, whole.end_ms)


def test_frames_end_when_their_words_do(translator):
    stream = source("the sea")
    memory = translator.encode_streams([stream])
    heard = int(memory.heard_frames[0])
    ends_ms = memory.end_ms[0, :heard].tolist()
    assert ends_ms == sorted(ends_ms) and ends_ms[-1] == 800.0 and 400.0 in ends_ms
    assert int(memory.lengths[0]) == heard + 1  # the end of the sequence belongs to no time


def test_eight_bits_change_little(folder, translator):
    eight = load_text_translator(folder, TranslatorOptions(precision="int8"))
    prompt = translator.tokenizer.prompt("en", "de")
    exact = translator.start(translator.encode_streams([source(TEXT)]), [prompt])[1].log_probabilities
    rough = eight.start(eight.encode_streams([source(TEXT)]), [prompt])[1].log_probabilities
    some = exact.isfinite()
    assert 0 < float((exact - rough)[some].abs().mean()) < 0.3
