"""The losses of policy training against plain Python on tiny tensors; what they must not depend on."""

import math

import pytest
import torch

from models.whisper.checkpoint import load_whisper_checkpoint
from models.whisper.network import Whisper
from tests.models.tiny_reina import tiny_policy, tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper
from train.policy.alignment_loss import alignment_loss
from train.policy.divergence_loss import divergence, divergence_loss
from train.policy.reina_loss import ReinaLossOptions, information_gain, normalised, reina_loss
from train.policy.two_passes import Heard, two_passes


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def ragged_mask(*lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def mean(values):
    return sum(values) / len(values)


def oracle(scores, gain, lengths, options):
    """Eq. 3-6 in plain Python, one token at a time: means of the three terms and their total."""
    rows = range(len(lengths))
    valid = [(row, n) for row in rows for n in range(lengths[row])]
    average = mean([gain[row][n] for row, n in valid])
    variance = mean([(gain[row][n] - average) ** 2 for row, n in valid])
    q = [[1 / (1 + math.exp(-u)) if options.score == "probability" else u for u in row] for row in scores]
    covariance = -mean([q[r][n] * (gain[r][n] - average) / math.sqrt(variance + 1e-5) for r, n in valid])
    monotonicity = mean([max(max(q[r][:n]) - q[r][n] - options.margin, 0) if n else 0.0 for r, n in valid])
    norm = mean([q[r][n] ** 2 for r, n in valid])
    total = covariance + options.monotonicity_weight * monotonicity + options.norm_weight * norm
    return covariance, monotonicity, norm, total


@pytest.mark.parametrize(
    "options",
    [
        ReinaLossOptions(),
        ReinaLossOptions(score="probability"),
        ReinaLossOptions(margin=0.1, norm_weight=0.7),
        ReinaLossOptions(monotonicity_weight=0.0),
    ],
)
def test_reina_loss_equals_a_naive_one(options):
    lengths = [6, 1, 4, 3]
    for seed in range(5):
        scores, gain = 2 * random(4, 6, seed=seed), 3 * random(4, 6, seed=seed + 50)
        loss = reina_loss(scores, gain, ragged_mask(*lengths), options)
        expected = oracle(scores.tolist(), gain.tolist(), lengths, options)
        for found, value in zip(
            (loss.covariance, loss.monotonicity, loss.norm, loss.total), expected, strict=True
        ):
            assert float(found / loss.tokens) == pytest.approx(value, abs=1e-5)
        assert int(loss.tokens) == sum(lengths)


def test_gain_is_the_difference_of_log_probabilities():
    partial, full, targets = random(2, 3, 5), random(2, 3, 5, seed=1), torch.tensor([[0, 4, 2], [1, 1, 3]])
    gain = information_gain(partial, full, targets)
    for row in range(2):
        for n in range(3):
            token = int(targets[row, n])
            expected = full[row, n].softmax(-1)[token].log() - partial[row, n].softmax(-1)[token].log()
            assert float(gain[row, n]) == pytest.approx(float(expected), abs=1e-5)


def test_the_expected_gain_is_the_mean_of_what_each_token_would_gain():
    partial, full = random(2, 3, 5), random(2, 3, 5, seed=1)
    expected = information_gain(partial, full, torch.zeros(2, 3, dtype=torch.int64), "kullback-leibler")
    of_each = [information_gain(partial, full, torch.full((2, 3), token)) for token in range(5)]
    mean = sum(full.softmax(-1)[..., token] * gain for token, gain in enumerate(of_each))
    assert torch.allclose(expected, mean, atol=1e-6) and (expected >= 0).all()


def test_regret_is_what_the_token_of_now_costs_and_nothing_where_it_stays():
    partial = torch.tensor([[[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.4, 0.2, 0.4]]]).log()
    full = torch.tensor([[[0.2, 0.7, 0.1], [0.98, 0.01, 0.01], [0.1, 0.0, 0.9]]]).log()
    found = information_gain(partial, full, torch.zeros(1, 3, dtype=torch.int64), "regret")
    # 0.7 - 0.2; the second token stays, however sure of it the model becomes; 0.9 - 0.1.
    assert found[0].tolist() == pytest.approx([0.5, 0.0, 0.8], abs=1e-6)


def test_normalised_gain_has_mean_0_and_variance_1_over_valid_tokens():
    mask = ragged_mask(5, 2, 3)
    values = normalised(7 + 3 * random(3, 5), mask)
    assert float(values[mask].mean()) == pytest.approx(0, abs=1e-5)
    assert float(values[mask].var(correction=0)) == pytest.approx(1, abs=1e-4)
    assert not values[~mask].any()


@pytest.mark.parametrize("score", ["logit", "probability"])
def test_losses_and_gradients_do_not_depend_on_padding(score):
    """Even values that are not finite may stand in padding, on either side."""
    scores, gain, target = random(2, 4), random(2, 4, seed=1), random(2, 4, seed=2).abs()
    spoken = random(2, 4, seed=3).abs()
    heard_s = torch.tensor([1.0, 2.0])
    options = ReinaLossOptions(score=score)

    def losses(scores, gain, target, spoken, mask):
        return torch.stack(
            [
                reina_loss(scores, gain, mask, options).total,
                divergence_loss(scores, target, mask),
                alignment_loss(scores, heard_s, spoken, mask),
            ]
        )

    plain = scores.clone().requires_grad_()
    expected = losses(plain, gain, target, spoken, ragged_mask(4, 4))
    expected.sum().backward()

    def padded(values, value):
        return torch.nn.functional.pad(values, (1, 3), value=value)

    more = padded(scores, 50.0).requires_grad_()
    mask = padded(torch.ones(2, 4), 0.0).bool()
    found = losses(more, padded(gain, math.nan), padded(target, math.inf), padded(spoken, math.nan), mask)
    found.sum().backward()
    assert torch.allclose(found, expected, atol=1e-5)
    assert torch.allclose(more.grad[:, 1:5], plain.grad, atol=1e-5)
    assert not more.grad[~mask].any()


def test_constant_scores_have_no_covariance_and_falling_scores_are_punished():
    gain, mask = random(1, 6), ragged_mask(6)
    flat = reina_loss(torch.full((1, 6), 0.3), gain, mask, ReinaLossOptions())
    assert float(flat.covariance) == pytest.approx(0, abs=1e-5) and float(flat.monotonicity) == 0
    rising = reina_loss(torch.arange(6.0)[None], gain, mask, ReinaLossOptions())
    assert float(rising.monotonicity) == 0
    # 5, 4, ... 0 lie 1 to 5 below the first, of which 0.5 is allowed.
    falling = reina_loss(5 - torch.arange(6.0)[None], gain, mask, ReinaLossOptions())
    assert float(falling.monotonicity) == pytest.approx(1 + 2 + 3 + 4 + 5 - 5 * 0.5)


def test_logit_scores_reach_the_closed_form():
    """Without L_m the minimum is q* = BN[F] / (2 lambda)."""
    gain, mask = random(3, 8), ragged_mask(8, 8, 8)
    scores = torch.zeros(3, 8, requires_grad=True)
    options = ReinaLossOptions(monotonicity_weight=0.0)
    optimiser = torch.optim.SGD([scores], lr=2.0)
    for _ in range(200):
        optimiser.zero_grad()
        reina_loss(scores, gain, mask, options).total.backward()
        optimiser.step()
    assert torch.allclose(scores.detach(), normalised(gain, mask) / 0.1, atol=1e-3)


def test_empty_batch_has_no_loss():
    loss = reina_loss(random(2, 3), random(2, 3), torch.zeros(2, 3, dtype=torch.bool), ReinaLossOptions())
    assert float(loss.total) == 0 and int(loss.tokens) == 0


def test_unknown_score_is_refused():
    with pytest.raises(ValueError, match="score must be one of logit, probability, got 'rank'"):
        ReinaLossOptions(score="rank")


@pytest.mark.parametrize("kind", ["jensen-shannon", "kullback-leibler", "jensen-shannon-distance"])
def test_divergence_equals_a_naive_one(kind):
    partial, full = 2 * random(2, 3, 5), 2 * random(2, 3, 5, seed=1)
    found = divergence(partial, full, kind)
    for row in range(2):
        for n in range(3):
            p, q = full[row, n].softmax(-1).tolist(), partial[row, n].softmax(-1).tolist()

            def kl(a, b):
                return sum(x * math.log(x / y) for x, y in zip(a, b, strict=True))

            middle = [(x + y) / 2 for x, y in zip(p, q, strict=True)]
            expected = kl(p, q) if kind == "kullback-leibler" else (kl(p, middle) + kl(q, middle)) / 2
            if kind == "jensen-shannon-distance":
                expected = math.sqrt(expected)
            assert float(found[row, n]) == pytest.approx(expected, abs=1e-5)
    # The square root of what rounding leaves of the divergence.
    bound = 1e-3 if kind == "jensen-shannon-distance" else 1e-6
    assert divergence(full, full, kind).abs().max() < bound


def test_jensen_shannon_is_at_most_log_2():
    apart = torch.tensor([[[60.0, 0.0]]]), torch.tensor([[[0.0, 60.0]]])
    assert float(divergence(*apart)) == pytest.approx(math.log(2), abs=1e-5)


def test_unknown_divergence_is_refused():
    kinds = "jensen-shannon, kullback-leibler, jensen-shannon-distance"
    with pytest.raises(ValueError, match=f"{kinds}, got 'cosine'"):
        divergence(random(1, 1, 2), random(1, 1, 2), "cosine")


def test_divergence_loss_is_the_squared_error_of_the_prediction():
    scores, target = random(2, 3), random(2, 3, seed=1).abs()
    mask = ragged_mask(3, 1)
    expected = [
        (math.log1p(math.exp(float(scores[at]))) - float(target[at])) ** 2
        for at in ((0, 0), (0, 1), (0, 2), (1, 0))
    ]
    assert float(divergence_loss(scores, target, mask)) == pytest.approx(sum(expected), abs=1e-5)


def test_alignment_loss_wants_write_once_the_words_have_been_spoken():
    scores = torch.tensor([[1.5, -0.5]])
    heard_s, spoken_s = torch.tensor([2.0]), torch.tensor([[1.0, 4.0]])
    expected = 0.0
    for u, label in ((1.5, 1 / (1 + math.exp(-1.0 / 0.25))), (-0.5, 1 / (1 + math.exp(2.0 / 0.25)))):
        write = 1 / (1 + math.exp(u))
        expected -= label * math.log(write) + (1 - label) * math.log(1 - write)
    found = alignment_loss(scores, heard_s, spoken_s, torch.ones(1, 2, dtype=torch.bool), 0.25)
    assert float(found) == pytest.approx(expected, abs=1e-5)


def clips(*lengths, seed=0):
    rows = [random(length, 80, seed=seed + row) for row, length in enumerate(lengths)]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).transpose(1, 2)
    return padded, torch.tensor(lengths)


def heard(model, clip):
    """The memory of clips, as `two_passes` takes it."""
    features, lengths = clip
    return Heard(model.hear(features, lengths), (lengths + 1) // 2)


def test_full_audio_gains_nothing():
    """Of three clips the first is cut: only its tokens have a gain."""
    model = tiny_reina()
    full = clips(90, 70, 50)
    cut = full[0].clone()
    cut[0, :, 40:] = 0
    tokens = torch.randint(0, 400, (3, 6), generator=torch.Generator().manual_seed(0))
    partial = heard(model, (cut, torch.tensor([40, 70, 50])))
    passes = two_passes(model, partial, heard(model, full), tokens)
    gain = information_gain(passes.partial_logits, passes.full_logits, tokens)
    assert gain[0].abs().min() > 1e-4
    assert gain[1:].abs().max() < 1e-5
    apart = divergence(passes.partial_logits, passes.full_logits)
    assert apart[0].min() > 1e-6 and apart[1:].abs().max() < 1e-6


@pytest.mark.parametrize("objective", ["gain", "divergence", "alignment"])
def test_gradients_reach_the_policy_only(objective):
    model, network = tiny_reina(), tiny_policy()
    full, partial = clips(90, 70), clips(40, 70)
    tokens = torch.randint(0, 400, (2, 6), generator=torch.Generator().manual_seed(0))
    mask = ragged_mask(6, 4)
    passes = two_passes(model, heard(model, partial), heard(model, full), tokens)
    scores = network(passes.hidden, partial[1] / 100)
    if objective == "gain":
        gain = information_gain(passes.partial_logits, passes.full_logits, tokens)
        loss = reina_loss(scores, gain, mask, ReinaLossOptions()).total
    elif objective == "divergence":
        loss = divergence_loss(scores, divergence(passes.partial_logits, passes.full_logits), mask)
    else:
        loss = alignment_loss(scores, partial[1] / 100, random(2, 6).abs(), mask)
    loss.backward()
    assert all(weight.grad is None for weight in model.parameters())
    assert all(weight.grad is not None for weight in network.parameters())


def test_plain_whisper_may_be_the_base(tmp_path):
    """Only targets behind the prompt count; its tokens have a gain too, but the mask leaves them out."""
    checkpoint = load_whisper_checkpoint(write_tiny_whisper(tmp_path / "whisper"))
    model = Whisper(checkpoint.dimensions).eval()
    model.load_state_dict(checkpoint.weights)
    full, partial = clips(90, 70), clips(40, 70)
    tokens = torch.randint(0, 400, (2, 8), generator=torch.Generator().manual_seed(0))
    passes = two_passes(model, heard(model, partial), heard(model, full), tokens[:, :-1])
    gain = information_gain(passes.partial_logits, passes.full_logits, tokens[:, 1:])
    mask = torch.arange(7).expand(2, 7) >= 3
    loss = reina_loss(tiny_policy()(passes.hidden, partial[1] / 100), gain, mask, ReinaLossOptions())
    assert int(loss.tokens) == 8 and bool(loss.total.isfinite())
    assert gain[0].abs().min() > 1e-4 and gain[1].abs().max() < 1e-5


def test_dropout_would_look_like_information():
    model = tiny_reina()
    memory = heard(model, clips(50))
    with pytest.raises(ValueError, match="evaluation mode"):
        two_passes(model.train(), memory, memory, torch.zeros(1, 3, dtype=torch.int64))
