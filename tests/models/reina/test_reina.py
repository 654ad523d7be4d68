"""REINA's networks: the paper's sizes, teacher forcing against decoding step by step, padding."""

import math
from dataclasses import replace

import pytest
import torch
from transformers.models.t5.modeling_t5 import T5Attention

from models.policy.network import PolicyNetwork, PolicyOptions
from models.reina.network import CONFIGURATIONS, FRAME_S, Reina, Time2Vec
from models.reina.text_encoder import FARTHEST, distance_buckets
from tests.models.tiny_reina import DIMENSIONS, tiny_reina

VOCABULARY = DIMENSIONS.n_vocab


def size(network):
    """Parameters, and Whisper's fixed table of positions, which its published size counts."""
    return sum(tensor.numel() for tensor in network.state_dict().values())


def test_reina_medium_has_the_sizes_of_the_paper():
    with torch.device("meta"):
        model = Reina(CONFIGURATIONS["reina-medium"])
        policy = PolicyNetwork(PolicyOptions(model.dimensions.n_text_state))
    decoder = sum(map(size, (model.decoder, model.projection, model.positions)))
    # The paper rounds to millions, which is 8% of its smallest network.
    assert size(model.encoder) == pytest.approx(307e6, rel=0.01)
    assert decoder == pytest.approx(101e6, rel=0.01)
    assert size(model.text_encoder) == pytest.approx(38e6, rel=0.01)
    assert round(size(policy) / 1e6) == 6


def test_reina_mini_is_about_18_million():
    with torch.device("meta"):
        model = Reina(CONFIGURATIONS["reina-mini"])
        policy = PolicyNetwork(PolicyOptions(model.dimensions.n_text_state, width=256))
    translator = size(model) - size(model.text_encoder)
    assert translator + size(policy) == pytest.approx(18e6, rel=0.05)


def features(*lengths, seed=0):
    """(B, 80, longest), zero beyond lengths (B,)"""
    generator = torch.Generator().manual_seed(seed)
    rows = [torch.randn(length, 80, generator=generator) for length in lengths]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).transpose(1, 2)
    return padded, torch.tensor(lengths)


def sequences(*lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, VOCABULARY, (len(lengths), max(lengths)), generator=generator)


@torch.no_grad()
@pytest.mark.parametrize("shared_output", [True, False])
def test_teacher_forcing_equals_decoding_step_by_step(shared_output):
    model = tiny_reina(shared_output=shared_output)
    clips, lengths = features(151, 80)
    tokens = sequences(40, 40)
    whole = model(clips, lengths, tokens)
    cache = model.decoder.open_cache(model.hear(clips, lengths), (lengths + 1) // 2, torch.arange(2))
    steps = [model.decoder(tokens[:, :5], torch.tensor([5, 5]), cache)[0]]
    for at in range(5, 40):
        steps.append(model.decoder(tokens[:, at : at + 1], torch.tensor([1, 1]), cache)[0])
    assert (torch.cat(steps, dim=1) - whole).abs().max() < 1e-5
    assert model.decoder.logits(whole).shape == (2, 40, VOCABULARY)


@torch.no_grad()
def test_padding_of_audio_and_tokens_changes_nothing():
    model = tiny_reina()
    lengths, counts = [160, 33, 1, 92], [9, 3, 1, 6]
    clips, feature_lengths = features(*lengths)
    tokens = sequences(*counts)
    together = model(clips, feature_lengths, tokens)
    for row, (length, count) in enumerate(zip(lengths, counts, strict=True)):
        alone = model(
            clips[row : row + 1, :, :length], feature_lengths[row : row + 1], tokens[row : row + 1, :count]
        )
        assert (together[row, :count] - alone[0]).abs().max() < 1e-5


@torch.no_grad()
def test_padding_of_source_text_changes_nothing():
    model = tiny_reina()
    source_counts, counts = [150, 7, 1], [5, 9, 3]
    source, tokens = sequences(*source_counts, seed=1), sequences(*counts)
    together = model.translate_text(source, torch.tensor(source_counts), tokens)
    for row, (length, count) in enumerate(zip(source_counts, counts, strict=True)):
        alone = model.translate_text(
            source[row : row + 1, :length], torch.tensor([length]), tokens[row : row + 1, :count]
        )
        assert (together[row, :count] - alone[0]).abs().max() < 1e-5


def test_every_parameter_learns_from_speech_and_text():
    model = tiny_reina().train()
    clips, lengths = features(100, 60)
    tokens = sequences(8, 8)
    from_speech = model(clips, lengths, tokens)
    from_text = model.translate_text(tokens, torch.tensor([8, 5]), tokens)
    model.decoder.logits(from_speech + from_text).logsumexp(-1).sum().backward()
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []


def test_dropout_is_for_training_only():
    model = tiny_reina()
    clips, lengths = features(100)
    tokens = sequences(8)
    assert torch.equal(model(clips, lengths, tokens), model(clips, lengths, tokens))
    model.train()
    assert not torch.equal(model(clips, lengths, tokens), model(clips, lengths, tokens))


@torch.no_grad()
@pytest.mark.parametrize("shared_output", [True, False])
def test_a_new_model_is_unsure_but_not_wild(shared_output):
    """The loss starts near that of a uniform guess."""
    torch.manual_seed(0)
    model = Reina(replace(DIMENSIONS, shared_output=shared_output)).eval()
    tokens = sequences(30)
    logits = model.decoder.logits(model(*features(200), tokens))
    loss = torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:])
    assert float(loss) == pytest.approx(math.log(VOCABULARY), abs=1.0)


@torch.no_grad()
def test_positions_are_one_line_and_waves():
    positions = Time2Vec(6)
    table = positions(torch.arange(50))
    assert table.shape == (50, 6) and table.dtype == torch.float32
    for frame in (0, 7, 49):
        angles = [
            float(w) * FRAME_S * frame + float(b)
            for w, b in zip(positions.frequency, positions.phase, strict=True)
        ]
        expected = [angles[0], *map(math.sin, angles[1:])]
        assert table[frame].tolist() == pytest.approx(expected, abs=1e-5)


def test_distances_are_sorted_into_the_buckets_of_t5():
    tokens = 2 * FARTHEST
    place = torch.arange(tokens)
    expected = T5Attention._relative_position_bucket(
        place[None] - place[:, None], bidirectional=True, num_buckets=32, max_distance=FARTHEST
    )
    assert torch.equal(distance_buckets(tokens, torch.device("cpu")), expected)


def test_text_longer_than_the_table_of_positions_is_refused():
    model = tiny_reina()
    with pytest.raises(ValueError, match="121 tokens are more than the decoder's 120"):
        model(*features(50), sequences(121))


def test_text_needs_a_text_encoder():
    with pytest.raises(ValueError, match="no text encoder"):
        tiny_reina(n_source_layer=0).translate_text(sequences(3), torch.tensor([3]), sequences(4))
