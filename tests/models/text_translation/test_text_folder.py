"""Folders of text translators: what they need, what languages they know, and one line for each fault."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from foundation.errors import InputError
from models.languages import LanguagePair
from models.text_translation.folder import M2M_LANGUAGES, load_text_checkpoint
from models.text_translation.source_text import SourceText
from models.text_translation.translator import load_text_translator
from models.translator import TranslatorOptions
from tests.models.tiny_text_translators import (
    write_tiny_causal,
    write_tiny_m2m,
    write_tiny_marian,
    write_tiny_t5,
)


@pytest.fixture
def marian(tmp_path):
    return write_tiny_marian(tmp_path / "marian")


def change(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vocab.json", "has neither tokenizer.json nor vocab.json: copy the whole folder"),
        ("source.spm", "has neither tokenizer.json nor source.spm: copy the whole folder"),
        ("model.safetensors", "holds no weights: it needs model.safetensors"),
    ],
)
def test_a_file_that_is_missing_is_named(marian, name, message):
    (marian / name).unlink()
    with pytest.raises(InputError, match=message):
        load_text_checkpoint(marian)


def test_a_shard_that_is_missing_is_named(marian):
    weights = load_file(marian / "model.safetensors")
    (marian / "model.safetensors").unlink()
    first, second = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    names = sorted(weights)
    parts = {first: names[::2], second: names[1::2]}
    for file, own in parts.items():
        save_file({name: weights[name].contiguous() for name in own}, marian / file)
    index = {"weight_map": {name: file for file, own in parts.items() for name in own}}
    (marian / "model.safetensors.index.json").write_text(json.dumps(index))
    load_text_checkpoint(marian)
    (marian / second).unlink()
    with pytest.raises(InputError, match=f"lacks {second} named in model.safetensors.index.json"):
        load_text_checkpoint(marian)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"d_model": 30}, "gives no usable decoder_attention_heads"),
        ({"decoder_layers": 10**9}, "gives no usable decoder_layers"),
        ({"decoder_layers": 2}, "do not fit the sizes it declares"),
        ({"activation_function": "mish"}, "gives no usable activation_function .'mish'"),
        ({"decoder_start_token_id": None}, "gives no usable decoder_start_token_id"),
        (
            {"vocab_size": 250, "decoder_start_token_id": 0},
            "has 300 tokens, so it is not the tokenizer of this model of 250 tokens",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(marian, values, message):
    change(marian, **values)
    with pytest.raises(InputError, match=message):
        load_text_checkpoint(marian)


def test_old_weights_that_are_damaged_are_refused(tmp_path):
    folder = write_tiny_marian(tmp_path / "old", old=True)
    (folder / "pytorch_model.bin").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"pytorch_model.bin is damaged .*: download it again"):
        load_text_checkpoint(folder)


def test_weights_in_bfloat16_stay_so_where_they_are_asked_for(marian):
    weights = load_file(marian / "model.safetensors")
    save_file({name: one.bfloat16() for name, one in weights.items()}, marian / "model.safetensors")
    translator = load_text_translator(marian, TranslatorOptions(precision="bfloat16"))
    assert {one.dtype for one in translator.model.parameters()} == {torch.bfloat16}
    text = SourceText(LanguagePair("en", "de"))
    text.add(" the cat", 500.0)
    _, output = translator.start(translator.encode_streams([text]), [translator.tokenizer.prompt("en", "de")])
    assert output.log_probabilities.exp().sum() == pytest.approx(1, abs=1e-2)


def test_opus_with_several_targets_is_told_which(tmp_path):
    tokenizer = load_text_checkpoint(write_tiny_marian(tmp_path / "m", targets=("deu", "fra"))).tokenizer
    tokens = tokenizer.source("the cat", LanguagePair("en", "French")).tokens
    assert tokens[0] == tokenizer.targets["fra"] and tokens[-1] == tokenizer.end_of_sequence
    with pytest.raises(InputError, match="language 'es' .*It knows deu, fra"):
        tokenizer.prompt("en", "es")


def test_nllb_knows_languages_by_any_name(tmp_path):
    tokenizer = load_text_checkpoint(write_tiny_m2m(tmp_path / "m")).tokenizer
    assert tokenizer.language_code("de") == tokenizer.language_code("German") == "deu_Latn"
    assert tokenizer.language_code("zh") == "zho_Hans" and tokenizer.language_code("zho_Hant") == "zho_Hant"
    assert tokenizer.prompt("en", "de")[1] == tokenizer.languages["deu_Latn"]


def test_m2m_has_its_languages_behind_its_pieces(tmp_path):
    transformers = pytest.importorskip("transformers.models.m2m_100.tokenization_m2m_100")
    assert list(M2M_LANGUAGES) == transformers.FAIRSEQ_LANGUAGE_CODES["m2m100"]
    tokenizer = load_text_checkpoint(write_tiny_m2m(tmp_path / "m", nllb=False)).tokenizer
    assert tokenizer.languages["zu"] - tokenizer.languages["af"] == 99


def test_an_output_layer_of_its_own_must_be_there(tmp_path):
    """Version 1.1 as transformers 4 writes it: not tied, and not scaled."""
    folder = write_tiny_t5(tmp_path / "t5")
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["shared.weight"] + 1
    save_file(weights, folder / "model.safetensors")
    change(folder, tie_word_embeddings=False)
    model = load_text_checkpoint(folder).model
    assert torch.equal(model.decoder.output.weight, weights["lm_head.weight"])
    assert model.dimensions.output_scale == 1
    save_file({n: one for n, one in weights.items() if n != "lm_head.weight"}, folder / "model.safetensors")
    with pytest.raises(InputError, match="1 missing .decoder.output.weight"):
        load_text_checkpoint(folder)


def test_t5_is_asked_in_words_for_the_pairs_that_it_learned(tmp_path):
    folder = write_tiny_t5(tmp_path / "t5", pairs=("en_to_de", "en_to_fr"))
    tokenizer = load_text_checkpoint(folder).tokenizer
    source = tokenizer.source("the cat", LanguagePair("en", "de"))
    assert tokenizer.decode(source.tokens) == "translate English to German: the cat"
    assert source.ends[-1] == 7 and source.ends[0] == 0
    with pytest.raises(InputError, match="does not translate 'en' into 'es': it does en-de, en-fr"):
        tokenizer.prompt("en", "es")
    asked = load_text_checkpoint(folder, "In {target}:").tokenizer
    assert asked.decode(asked.source("the cat", LanguagePair("en", "de")).tokens) == "In German: the cat"


def test_a_prompt_is_refused_where_nobody_reads_it(marian):
    with pytest.raises(InputError, match="prompt is an option of models that are asked in words"):
        load_text_checkpoint(marian, "Translate")


def test_language_models_are_checked(tmp_path):
    from models.text_translation.causal_translator import load_causal_translator

    folder = write_tiny_causal(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="holds no usable language model"):
        load_causal_translator(folder, TranslatorOptions())
    change(folder, max_position_embeddings="many")
    with pytest.raises(InputError, match="gives no usable max_position_embeddings"):
        load_causal_translator(folder, TranslatorOptions())
