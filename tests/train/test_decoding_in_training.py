"""Greedy decoding and alignment in training against plain recomputation."""

import torch

from tests.models.tiny_reina import tiny_reina
from train.alignment import spoken_seconds
from train.greedy import best_tokens, greedy

END = 1


def memories(model, *lengths):
    generator = torch.Generator().manual_seed(0)
    frames = 0.5 * torch.randn(
        len(lengths), max(lengths), model.dimensions.n_audio_state, generator=generator
    )
    return model.listen(frames), torch.tensor(lengths)


@torch.no_grad()
def recomputed(model, memory, prompt, limit):
    """One token at a time, everything from the start each time."""
    tokens = list(prompt)
    length = torch.tensor([memory.shape[1]])
    while len(tokens) - len(prompt) < limit:
        hidden = model.decoder.teacher_force(memory, length, torch.tensor([tokens]))
        best = int(model.decoder.logits(hidden[:, -1]).argmax())
        if best == END:
            break
        tokens.append(best)
    return tokens[len(prompt) :]


def test_greedy_decoding_of_a_batch_is_that_of_each_clip():
    model = tiny_reina()
    memory, lengths = memories(model, 60, 33, 90)
    found = greedy(model, memory, lengths, [[400], [401], [400]], END)
    for row, (length, tag) in enumerate(zip((60, 33, 90), (400, 401, 400), strict=True)):
        limit = max(8, length // 4)
        assert found[row] == recomputed(model, memory[row : row + 1, :length], [tag], limit)


def test_a_token_is_spoken_no_earlier_than_those_before_it():
    """By hand: the frame that the last layer attends to most, never going back."""
    model = tiny_reina()
    memory, lengths = memories(model, 50, 20)
    tokens = torch.randint(0, 400, (2, 7), generator=torch.Generator().manual_seed(1))
    found = spoken_seconds(model, memory, lengths, tokens)

    block, seen = model.decoder.blocks[-1].cross_attn, {}
    hook = block.query.register_forward_hook(lambda module, given, made: seen.update(queries=made))
    with torch.no_grad():
        model.decoder.teacher_force(memory, lengths, tokens)
        queries, keys = block.split(seen["queries"]), block.split(block.key(memory))
    hook.remove()
    for row, length in enumerate((50, 20)):
        scores = queries[row] @ keys[row, :, :length].transpose(-1, -2) / queries.shape[-1] ** 0.5
        frames = scores.softmax(-1).mean(0).argmax(-1).tolist()
        expected = [(max(frames[: n + 1]) + 1) * 0.02 for n in range(len(frames))]
        assert torch.allclose(found[row], torch.tensor(expected))
    assert (found.diff(dim=1) >= 0).all() and found[1].max() <= 20 * 0.02 + 1e-6


def test_each_row_ends_at_its_limit_or_at_the_end():
    """By hand: row 0 writes 5 6 7 ..., row 1 ends behind 8, row 2 may write nothing."""
    script = [[5, 8, 9], [6, END, 9], [7, 3, 9], [4, 3, 9]]
    fed = []

    def next_logits(newest):
        fed.append(newest if newest is None else newest.tolist())
        return torch.nn.functional.one_hot(torch.tensor(script[len(fed) - 1]), 10)

    assert best_tokens(next_logits, [3, 4, 0], END) == [[5, 6, 7], [8], []]
    assert fed == [None, [5, 8, 9], [6, END, 9]]
