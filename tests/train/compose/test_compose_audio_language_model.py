"""Composed models: in transformers and here, the parts they are made of, bad input."""

import json

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration, Qwen2Config, Qwen2ForCausalLM

from models.audio_language.families import load_audio_language_model
from models.audio_language.model import AudioFeatures
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.registry import load_translator
from models.translator import TranslatorOptions
from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import Whisper
from tests.models.tiny_whisper import CORPUS, write_tiny_whisper
from train.compose.byte_level_bpe import train_byte_level_bpe
from train.compose.work import SHORT_PROMPT
from train.compose_audio_language_model import main

WAVEFORM = np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32)
WINDOW = 300  # frames of 20 ms


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """whisper, corpus.txt, and a Qwen2 with its tokenizer: qwen2."""
    folder = tmp_path_factory.mktemp("parts")
    write_tiny_whisper(folder / "whisper", n_audio_ctx=WINDOW)
    (folder / "corpus.txt").write_text("\n".join(CORPUS * 2) + "\n", encoding="utf-8")
    config = Qwen2Config(
        vocab_size=304, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=400,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder / "qwen2")
    # As of a model that knows chat, but no audio: it has the first three special tokens.
    tokenizer = train_byte_level_bpe(CORPUS * 2, 304 + 3)
    description = json.loads(tokenizer.to_str())
    description["added_tokens"] = description["added_tokens"][:3]
    (folder / "qwen2" / "tokenizer.json").write_text(json.dumps(description), encoding="utf-8")
    return folder


def compose(output, parts, *options):
    words = ["--output", output, "--whisper", parts / "whisper", *options]
    return main([str(word) for word in words])


NEW = ("--width", 64, "--layers", 2, "--vocabulary", 320, "--context", 400)


@pytest.fixture(scope="module")
def composed(parts, tmp_path_factory):
    output = tmp_path_factory.mktemp("composed") / "model"
    assert compose(output, parts, "--texts", parts / "corpus.txt", *NEW) == 0
    return output


def logits_of_transformers(folder, model, prompt, target):
    processor = AutoProcessor.from_pretrained(folder)
    text = model.tokenizer.prompt_format.text.replace("{context}", "")
    text = text.replace("{source}", "English").replace("{target}", "German")
    inputs = processor(text=text, audio=WAVEFORM, sampling_rate=16_000, return_tensors="pt")
    inputs["input_ids"] = torch.cat([inputs["input_ids"], torch.tensor([target[:-1]])], 1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    network = Qwen2AudioForConditionalGeneration.from_pretrained(folder).eval()
    return network(**inputs).logits[0, -len(target) :]


@pytest.mark.parametrize("kind", ["new language model", "given language model"])
@torch.no_grad()
def test_composed_folder_gives_the_logits_of_transformers(kind, parts, composed, tmp_path):
    folder = composed
    if kind == "given language model":
        folder = tmp_path / "model"
        assert compose(folder, parts, "--language-model", parts / "qwen2") == 0
    model = load_audio_language_model(folder, TranslatorOptions())
    prompt, target = model.prompt("en", "de"), model.tokenizer.encode("der Hund und die Katze")
    logits, _ = model.teacher_forced(model.features([WAVEFORM]), [prompt], [target])
    expected = logits_of_transformers(folder, model, prompt, target)
    assert torch.allclose(logits[0], expected, atol=1e-4)


@torch.no_grad()
def test_encoder_is_that_of_whisper(composed, parts):
    """Before frames are averaged two by two, over a full window."""
    checkpoint = load_whisper_checkpoint(parts / "whisper")
    whisper = Whisper(checkpoint.dimensions)
    whisper.load_state_dict(checkpoint.weights)
    model = load_audio_language_model(composed, TranslatorOptions())
    model.network.audio_tower.avg_pooler = nn.Identity()
    features = torch.randn(1, 80, 2 * WINDOW, generator=torch.Generator().manual_seed(0))
    found = model.encode_features(AudioFeatures(features, torch.tensor([2 * WINDOW])))
    assert torch.allclose(found.values, whisper.encoder.eval()(features), atol=1e-5)


def test_agents_run_on_it(composed):
    translator = load_translator(str(composed), TranslatorOptions())
    search = StreamingSearch(translator, SearchOptions())
    prompt = translator.tokenizer.prompt("en", "fr")
    [found] = search.find(translator.encode([WAVEFORM]), [StreamRequest(prompt, [], True, 8)])
    assert len(found.tokens) > 0


def test_configuration_says_how_the_model_is_asked(composed):
    model = load_audio_language_model(composed, TranslatorOptions())
    section = json.loads((composed / "config.json").read_text())["translation"]
    assert section == {"prompt": SHORT_PROMPT, "languages": ["de", "fr"], "source_languages": ["en"]}
    assert model.tokenizer.decode(model.prompt("en", "fr").after) == "English to French:\n"
    assert model.tokenizer.token_bytes(model.tokenizer.end_of_sequence) == b""
    assert model.language_model.lm_head.weight is model.language_model.get_input_embeddings().weight


def test_the_same_options_give_the_same_files(composed, parts, tmp_path):
    options = ["--texts", parts / "corpus.txt", *NEW]
    assert compose(tmp_path / "again", parts, *options) == 0
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (composed / name).read_bytes()
    assert compose(tmp_path / "other", parts, *options, "--seed", 1) == 0
    other = (tmp_path / "other" / "model.safetensors").read_bytes()
    assert other != (composed / "model.safetensors").read_bytes()


def test_manifests_give_the_texts_of_the_languages(parts, composed, tmp_path):
    rows = "".join(f"{place}\t{line}\t{line}\n" for place, line in enumerate(CORPUS * 2))
    (tmp_path / "train.tsv").write_text("id\tde\tes\n" + rows, encoding="utf-8")
    assert compose(tmp_path / "model", parts, "--manifests", tmp_path / "train.tsv", *NEW) == 0
    same = (tmp_path / "model" / "tokenizer.json").read_bytes()
    assert same == (composed / "tokenizer.json").read_bytes(), "each line once: es is no language of it"


def test_a_given_language_model_keeps_its_weights(parts, tmp_path):
    compose(tmp_path / "model", parts, "--language-model", parts / "qwen2")
    model = load_audio_language_model(tmp_path / "model", TranslatorOptions())
    given = Qwen2ForCausalLM.from_pretrained(parts / "qwen2").state_dict()
    for name, weight in model.language_model.state_dict().items():
        assert torch.equal(weight[: len(given[name])], given[name]), name
    # The three tokens of the audio are new.
    assert model.tokenizer.vocabulary_size == 304 + 3
    assert model.tokenizer.audio_token == 304
    assert model.tokenizer.prompt("en", "de")[0] == 302  # <|im_start|>, as it was


@pytest.mark.parametrize(
    "text", ['Zwei Männer, 23 Hunde – und "eine" Katze\'s Ball!\n', "你好 世界 ♪", "  a  b\n\n c "]
)
def test_text_comes_back_as_it_was(text, composed):
    tokenizer = load_audio_language_model(composed, TranslatorOptions()).tokenizer
    tokens = tokenizer.encode(text)
    assert tokenizer.decode(tokens) == text
    assert b"".join(map(tokenizer.token_bytes, tokens)) == text.encode()
    assert AutoProcessor.from_pretrained(composed).tokenizer(text).input_ids == tokens


SMALL = ("--width", "64", "--layers", "1", "--vocabulary", "320")
BAD = {
    "no texts": ([], "give --texts or --manifests, or --language-model"),
    "both": (["--texts", "{parts}/corpus.txt", "--language-model", "{parts}/qwen2"], "or --language-model"),
    "empty text": (["--texts", "{tmp}/empty.txt"], "there is no text to train the vocabulary on"),
    "absent text": (["--texts", "{tmp}/absent.txt"], "no such file"),
    "small vocabulary": (["--texts", "{parts}/corpus.txt", "--vocabulary", "200"], "must hold 262 bytes"),
    "odd width": (["--texts", "{parts}/corpus.txt", "--width", "100"], "multiple of 64, got 100"),
    "no Qwen2": (["--language-model", "{parts}/whisper"], "holds a 'whisper' model: give a Qwen2"),
    "language": (["--texts", "{parts}/corpus.txt", "--languages", "xx"], "language codes xx are not known"),
    "short context": (
        ["--texts", "{parts}/corpus.txt", *SMALL, "--context", "100"],
        "the context of 100 tokens is shorter than the audio's 150 frames",
    ),
    "no audio": (["--texts", "{parts}/corpus.txt", *SMALL, "--prompt", "Translate:"], "has 0 places"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(case, parts, tmp_path, capsys):
    options, message = BAD[case]
    (tmp_path / "empty.txt").write_text("\n")
    options = [option.format(parts=parts, tmp=tmp_path) for option in options]
    assert compose(tmp_path / "model", parts, *options) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error and error.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_an_existing_folder_is_not_overwritten(composed, parts, capsys):
    assert compose(composed, parts, "--texts", parts / "corpus.txt") == 1
    assert "exists: name another output" in capsys.readouterr().err
