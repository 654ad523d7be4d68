"""What becomes of a model's weights when it is loaded for a processor, and that texts stay what they were."""

import numpy as np
import pytest
import torch
from torch import nn

from foundation.errors import InputError
from models import speech_translator
from models.decoding.options import SearchOptions, StreamRequest
from models.decoding.search import StreamingSearch
from models.layers import processor_weights
from models.layers.eight_bit_linear import EightBitLinear
from models.layers.packed_output import PackedOutput, packs
from models.registry import load_translator
from models.reina.folder import load_reina
from models.speech_translator import SpeechDecoder
from models.translator import TranslatorOptions
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper

KINDS = ("whisper", "reina")  # whose output layer is the table of tokens, and one of its own


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {
        "whisper": write_tiny_whisper(folder / "whisper"),
        "reina": write_tiny_reina(folder / "reina", threshold=0.0),
    }


def load(folder, **options):
    return load_translator(str(folder), TranslatorOptions(**options))


def speech_part(translator):
    return getattr(translator, "base", translator)


def prompt_of(translator):
    """Whisper translates into English, the tiny REINA out of it."""
    is_reina = hasattr(translator, "base")
    return translator.tokenizer.prompt(*(("en", "de") if is_reina else ("es", "en")))


def noise(seconds, seed):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def written(translator, beam=3):
    """The texts of three streams that are searched together, in tokens."""
    prompt = prompt_of(translator)
    search = StreamingSearch(translator, SearchOptions(beam=beam, blocked_ngram=0))
    memory = translator.encode([noise(2.0, 1), noise(0.3, 2), noise(1.2, 3)])
    return [found.tokens for found in search.find(memory, [StreamRequest(prompt, [], True, 20)] * 3)]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_those_of_plain_weights(folders, kind, monkeypatch):
    fast = written(load(folders[kind]))
    monkeypatch.setattr(speech_translator, "_prepare_for_processor", lambda model, options: None)
    plain = written(load(folders[kind]))
    assert fast == plain
    assert any(len(tokens) > 3 for tokens in plain)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_without_packing_are_the_same(folders, kind, monkeypatch):
    """As on processors and in versions of torch that have no packed layers."""
    fast = written(load(folders[kind]))
    monkeypatch.setattr(processor_weights, "packs", lambda: False)
    translator = load(folders[kind])
    assert not isinstance(speech_part(translator).model.decoder.output, PackedOutput)
    assert written(translator) == fast


@pytest.mark.skipif(not packs(), reason="this processor or torch has no packed layers")
@pytest.mark.parametrize("kind", KINDS)
def test_a_packed_weight_is_not_there_twice_without_need(folders, kind):
    decoder = speech_part(load(folders[kind])).model.decoder
    assert isinstance(decoder.output, PackedOutput)
    names = [name for name, _ in decoder.named_parameters()]
    assert "token_embedding.weight" in names
    assert not any(name.startswith("output") for name in names)


@pytest.mark.parametrize("kind", KINDS)
def test_eight_bits_stay_close_and_keep_streams_apart(folders, kind):
    full, eight = load(folders[kind]), load(folders[kind], precision="int8")
    prompt = prompt_of(full)
    waveforms = [noise(2.0, 1), noise(0.3, 2)]
    exact, _ = (translator.encode(waveforms) for translator in (full, eight))
    prefixes = [[*prompt, 7, 9], [*prompt]]
    expected = full.start(exact, prefixes)[1].log_probabilities
    state, output = eight.start(eight.encode(waveforms), prefixes)
    finite = torch.isfinite(expected)
    assert output.log_probabilities.dtype == torch.float32
    assert 0 < (output.log_probabilities - expected)[finite].abs().max() < 0.5
    tokens = torch.tensor([11, 12])
    after = eight.step(state, tokens)
    for row, waveform in enumerate(waveforms):
        its_state, alone = eight.start(eight.encode([waveform]), [prefixes[row]])
        # Frames differ in the last place when clips are encoded together, and may then fall on another step.
        assert (output.log_probabilities[row] - alone.log_probabilities[0])[finite[row]].abs().max() < 0.05
        alone = eight.step(its_state, tokens[row : row + 1])
        assert (after.log_probabilities[row] - alone.log_probabilities[0])[finite[row]].abs().max() < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_eight_bits_are_the_decoders_that_read_text(folders, kind):
    translator = load(folders[kind], precision="int8")
    model = speech_part(translator).model
    layers = dict(model.decoder.named_modules())
    plain = {name for name, layer in layers.items() if isinstance(layer, nn.Linear)}
    assert plain and all(name.endswith(("cross_attn.key", "cross_attn.value")) for name in plain)
    assert isinstance(model.decoder.output, EightBitLinear)
    assert isinstance(model.decoder.blocks[0].mlp[2], EightBitLinear)
    assert model.decoder.token_embedding.weight.dtype == torch.float32
    assert not any(isinstance(layer, EightBitLinear) for layer in model.encoder.modules())
    if kind == "reina":
        assert not any(isinstance(layer, EightBitLinear) for layer in translator.network.modules())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options, encoder, decoder",
    [
        ({"precision": "int8"}, torch.float32, torch.float32),
        ({"precision": "int8", "encoder_precision": "bfloat16"}, torch.bfloat16, torch.float32),
        ({"precision": "bfloat16"}, torch.bfloat16, torch.bfloat16),
        ({"precision": "bfloat16", "decoder_precision": "int8"}, torch.bfloat16, torch.float32),
        ({"decoder_precision": "bfloat16"}, torch.float32, torch.bfloat16),
        ({"encoder_precision": "bfloat16"}, torch.bfloat16, torch.float32),
    ],
)
def test_encoder_and_decoder_have_a_precision_each(folders, kind, options, encoder, decoder):
    translator = load(folders[kind], **options)
    model = speech_part(translator).model
    assert model.encoder.conv1.weight.dtype == encoder
    assert model.decoder.token_embedding.weight.dtype == decoder
    assert translator.encode([noise(0.5, 1)]).frames.dtype == decoder
    written(translator, beam=1)


@pytest.mark.parametrize("options", [{"precision": "int8"}, {"decoder_precision": "int8"}])
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_eight_bits_are_refused_on_other_devices(options, device):
    with pytest.raises(InputError, match=f"int8 is for processors, but the device is '{device}': give"):
        TranslatorOptions(device=device, **options)


def test_a_model_in_training_keeps_its_layers(folders):
    model, tokenizer = load_reina(folders["reina"])
    before = model.state_dict().keys()
    SpeechDecoder(model, tokenizer, in_training=True)
    assert model.state_dict().keys() == before
    assert isinstance(model.decoder.output, nn.Linear)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"precision": "int8"}, "int8 is for Whisper, REINA and Canary: give this model one of float32"),
        ({"decoder_precision": "int8"}, "one precision for all: leave out decoder_precision"),
        ({"encoder_precision": "bfloat16"}, "one precision for all: leave out encoder_precision"),
    ],
)
def test_a_model_without_parts_has_one_precision(options, message):
    with pytest.raises(InputError, match=message):
        TranslatorOptions(**options).whole_dtype()
