"""Where the tokens of a text were attended to."""

import numpy as np
import torch

from models.decoding.attended import attended_frames
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.models.spelling_translator import SpellingTranslator, spelled
from tests.models.tiny_whisper import write_tiny_whisper


def test_each_letter_is_found_where_it_is_spelled():
    """A letter is five frames long."""
    translator = SpellingTranslator()
    memory = translator.encode([spelled("Ab"), spelled(" AbCd")])
    assert attended_frames(translator, memory, 1, [], [1, 2, 3, 4]).tolist() == [5, 10, 15, 20]
    assert attended_frames(translator, memory, 0, [], [1]).tolist() == [0]


def test_attention_of_each_prefix_is_normalised_over_the_tokens_and_blind_to_silence(tmp_path):
    folder = write_tiny_whisper(tmp_path / "tiny", alignment_heads=[[0, 1], [1, 0]])
    translator = load_translator(str(folder), TranslatorOptions(trailing_silence_ms=500))
    draw = np.random.default_rng(0)
    memory = translator.encode([draw.normal(0, 0.1, 16_000 * n).astype(np.float32) for n in (1, 2)])
    prompt, tokens = translator.tokenizer.prompt("es", "en"), [5, 6, 7, 9, 11]
    rows = []
    for count in range(len(tokens)):
        one = memory.select([0])
        _, output = translator.start(one, [[*prompt, *tokens[:count]]], with_attention=True)
        rows.append(output.attention[0, : int(one.heard_frames[0])])
    attention = torch.stack(rows)
    expected = ((attention - attention.mean(0)) / attention.std(0)).argmax(-1)
    found = attended_frames(translator, memory, 0, prompt, tokens)
    assert found.tolist() == expected.tolist()
    assert found.max() < int(memory.heard_frames[0])


def test_context_stands_before_the_prompt_of_whisper_at_most_half_its_length(tmp_path):
    folder = write_tiny_whisper(tmp_path / "tiny")
    tokenizer = load_translator(str(folder), TranslatorOptions()).tokenizer
    previous = tokenizer._ids["<|startofprev|>"]
    assert tokenizer.context_prompt([]) == []
    assert tokenizer.context_prompt([5, 6]) == [previous, 5, 6]
    assert tokenizer.context_prompt(range(400)) == [previous, *range(177, 400)]
