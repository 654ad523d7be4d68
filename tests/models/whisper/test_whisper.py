"""Whisper's networks against transformers, on random weights; and rows against their neighbours."""

import pytest
import torch
from transformers import WhisperForConditionalGeneration

from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import Whisper
from tests.models.tiny_whisper import write_tiny_whisper

SIZES = [
    {"seed": 1},
    {"seed": 2, "layers": 3, "width": 48, "heads": 4},
    {"seed": 3, "layers": 1, "width": 64, "heads": 8, "english_only": True, "n_audio_ctx": 100},
]


@pytest.fixture(params=SIZES, ids=lambda size: f"seed{size['seed']}")
def both(request, tmp_path):
    """Our network and transformers', with the same weights."""
    return load_both(write_tiny_whisper(tmp_path / "whisper", **request.param))


def load_both(folder):
    checkpoint = load_whisper_checkpoint(folder)
    model = Whisper(checkpoint.dimensions)
    model.load_state_dict(checkpoint.weights)
    reference = WhisperForConditionalGeneration.from_pretrained(folder, attn_implementation="eager")
    return model.float().eval(), reference.float().eval()


def full_features(model, batch=2):
    dimensions = model.dimensions
    return torch.randn(batch, dimensions.n_mels, 2 * dimensions.n_audio_ctx)


@torch.no_grad()
def test_encoder_equals_transformers(both):
    model, reference = both
    features = full_features(model)
    expected = reference.model.encoder(features).last_hidden_state
    assert (model.encoder(features) - expected).abs().max() < 1e-4


@torch.no_grad()
def test_logits_hidden_states_and_attention_equal_transformers(both):
    model, reference = both
    features = full_features(model)
    memory = model.encoder(features)
    tokens = torch.randint(0, model.dimensions.n_vocab, (2, 9))
    expected = reference(
        input_features=features, decoder_input_ids=tokens, output_attentions=True, output_hidden_states=True
    )
    heads = [(layer, head) for layer in range(model.dimensions.n_text_layer) for head in (0, 1)]
    lengths = torch.full((2,), memory.shape[1])
    cache = model.decoder.open_cache(memory, lengths, torch.arange(2), heads)
    hidden, attention = model.decoder(tokens, torch.tensor([9, 9]), cache)

    assert (model.decoder.logits(hidden) - expected.logits).abs().max() < 1e-4
    assert (hidden - expected.decoder_hidden_states[-1]).abs().max() < 1e-4
    last = torch.stack([expected.cross_attentions[layer][:, head, -1] for layer, head in heads]).mean(0)
    assert (attention - last).abs().max() < 1e-4


@torch.no_grad()
def test_decoding_step_by_step_equals_one_pass(both):
    model, _ = both
    memory = model.encoder(full_features(model, batch=1))
    tokens = torch.randint(0, model.dimensions.n_vocab, (1, 50))  # more than the cache grows by at once
    whole = model.decoder(tokens, torch.tensor([50]), open_cache(model, memory))[0]
    cache = open_cache(model, memory)
    steps = [model.decoder(tokens[:, :3], torch.tensor([3]), cache)[0]]
    steps += [model.decoder(tokens[:, at : at + 1], torch.tensor([1]), cache)[0] for at in range(3, 50)]
    assert (torch.cat(steps, dim=1) - whole).abs().max() < 1e-5


@torch.no_grad()
def test_shorter_rows_of_a_batch_are_encoded_as_if_alone(both):
    model, _ = both
    lengths = [200, 131, 57, 1]
    rows = [torch.randn(model.dimensions.n_mels, length) for length in lengths]
    batch = torch.zeros(4, model.dimensions.n_mels, 200)
    for place, row in enumerate(rows):
        batch[place, :, : row.shape[1]] = row
    together = model.encoder(batch, torch.tensor(lengths))
    for place, row in enumerate(rows):
        alone = model.encoder(row[None])[0]
        assert alone.shape[0] == (lengths[place] + 1) // 2
        assert (together[place, : alone.shape[0]] - alone).abs().max() < 1e-5


@torch.no_grad()
def test_padding_mask_equals_transformers_with_masked_attention(tmp_path):
    """transformers' encoder layers, given the mask that our lengths stand for."""
    model, reference = load_both(write_tiny_whisper(tmp_path / "whisper", seed=4))
    features, length = torch.randn(1, 80, 120), 75
    features[..., length:] = 0
    ours = model.encoder(features, torch.tensor([length]))[:, : (length + 1) // 2]

    encoder = reference.model.encoder
    x = torch.nn.functional.gelu(encoder.conv1(features[..., :length]))
    x = torch.nn.functional.gelu(encoder.conv2(x)).transpose(1, 2)
    x = (
        torch.nn.functional.pad(x, (0, 0, 0, 60 - x.shape[1]), value=7.0)
        + encoder.embed_positions.weight[:60]
    )
    mask = torch.zeros(1, 1, 60, 60)
    mask[..., (length + 1) // 2 :] = -torch.inf
    for layer in encoder.layers:
        x = layer(x, mask, layer_head_mask=None)
        x = x if isinstance(x, torch.Tensor) else x[0]  # transformers 5, and 4
    assert (encoder.layer_norm(x)[:, : ours.shape[1]] - ours).abs().max() < 1e-4


def open_cache(model, memory, heads=()):
    batch, frames, _ = memory.shape
    return model.decoder.open_cache(memory, torch.full((batch,), frames), torch.arange(batch), heads)


@torch.no_grad()
def test_rows_can_be_reordered_repeated_and_dropped(tmp_path, monkeypatch):
    """Whatever happened to a row, it continues as if its tokens had been decoded alone."""
    # The worst that fresh memory can hold.
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda like, *sizes: like.new_full(sizes, torch.nan))
    model, _ = load_both(write_tiny_whisper(tmp_path / "whisper", seed=5))
    heads = [(0, 1), (1, 0)]
    features = torch.randn(3, 80, 160)
    feature_lengths = torch.tensor([160, 90, 121])
    for row, length in enumerate(feature_lengths):
        features[row, :, length:] = 0
    memory = model.encoder(features, feature_lengths)
    lengths = (feature_lengths + 1) // 2
    texts = {0: [3, 1, 4, 1, 5], 1: [9, 2], 2: [6, 5, 3]}
    padded = torch.zeros(3, 5, dtype=torch.int64)
    for row, text in texts.items():
        padded[row, : len(text)] = torch.tensor(text)

    cache = model.decoder.open_cache(memory, lengths, torch.arange(3), heads)
    model.decoder(padded, torch.tensor([5, 2, 3]), cache)
    rows = [(0, [*texts[0]]), (1, [*texts[1]]), (2, [*texts[2]])]  # (memory, tokens) that each row stands for
    generator = torch.Generator().manual_seed(0)
    for chosen in ([0, 0, 1, 1, 2], [4, 0, 1, 2, 3], [1, 0, 2, 2, 4], [0, 3], [1, 1, 0], [2], [0, 0]):
        cache.select(torch.tensor(chosen))
        rows = [(rows[at][0], [*rows[at][1]]) for at in chosen]
        tokens = torch.randint(0, 600, (len(rows), 1), generator=generator)
        hidden, attention = model.decoder(tokens, torch.ones(len(rows), dtype=torch.int64), cache)
        for place, (at, text) in enumerate(rows):
            text.append(int(tokens[place]))
            alone_memory = memory[at : at + 1, : lengths[at]]
            alone = open_cache(model, alone_memory, heads)
            expected, weights = model.decoder(torch.tensor([text]), torch.tensor([len(text)]), alone)
            assert (hidden[place, -1] - expected[0, -1]).abs().max() < 1e-5
            assert (attention[place, : lengths[at]] - weights[0]).abs().max() < 1e-5
            assert not attention[place, lengths[at] :].any()


@torch.no_grad()
def test_several_rows_may_start_on_one_memory(tmp_path):
    model, _ = load_both(write_tiny_whisper(tmp_path / "whisper", seed=6))
    memory = model.encoder(torch.randn(2, 80, 100))
    tokens = torch.tensor([[1, 2], [3, 4], [5, 6]])
    listens_to = torch.tensor([1, 0, 1])
    cache = model.decoder.open_cache(memory, torch.tensor([50, 50]), listens_to)
    hidden, _ = model.decoder(tokens, torch.tensor([2, 2, 2]), cache)
    for row, at in enumerate(listens_to.tolist()):
        alone = open_cache(model, memory[at : at + 1])
        expected, _ = model.decoder(tokens[row : row + 1], torch.tensor([2]), alone)
        assert (hidden[row] - expected[0]).abs().max() < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("name", ["tiny.en", "base"])
def test_real_weights_equal_transformers(whisper_folder, name):
    model, reference = load_both(whisper_folder(name))
    features = torch.randn(1, 80, 3000).clamp(-1, 1.5)
    memory = model.encoder(features)
    assert (memory - reference.model.encoder(features).last_hidden_state).abs().max() < 1e-3
    tokens = torch.randint(0, 50_000, (1, 12))
    expected = reference(input_features=features, decoder_input_ids=tokens).logits
    hidden, _ = model.decoder(tokens, torch.tensor([12]), open_cache(model, memory))
    # Logits of real checkpoints reach 20: the tolerance is relative to that.
    assert (model.decoder.logits(hidden) - expected).abs().max() < 1e-3 * expected.abs().max()
