"""Greedy decoding and alignment in training against plain recomputation."""

import torch

from models.speech_translator import SpeechDecoder
from models.translator import Memory, frame_ends
from tests.models.tiny_reina import tiny_reina
from train.policy.alignment import spoken_seconds
from train.recipes.decoding import translate

END = 1


def memories(model, *lengths):
    generator = torch.Generator().manual_seed(0)
    frames = 0.5 * torch.randn(
        len(lengths), max(lengths), model.dimensions.n_audio_state, generator=generator
    )
    return model.listen(frames), torch.tensor(lengths)


def loops(text):
    """Whether the text ends with a phrase four times in a row, or with a word five times."""
    phrases = ((length, 4 + (length == 1)) for length in range(1, 11))
    return any(
        len(text) >= times * length and text[-times * length :] == text[-length:] * times
        for length, times in phrases
    )


@torch.no_grad()
def recomputed(model, memory, prompt, limit, suppressed):
    """One token at a time, everything from the start each time."""
    tokens = list(prompt)
    length = torch.tensor([memory.shape[1]])
    while len(tokens) - len(prompt) < limit:
        hidden = model.decoder.teacher_force(memory, length, torch.tensor([tokens]))
        logits = model.decoder.logits(hidden[:, -1])
        logits[:, suppressed] = -torch.inf
        for place in range(len(prompt), len(tokens) - 5):  # no six tokens twice
            if tokens[place : place + 5] == tokens[-5:]:
                logits[:, tokens[place + 5]] = -torch.inf
        order = logits[0].argsort(descending=True).tolist()
        best = next(token for token in order if not loops([*tokens[len(prompt) :], token]))
        if best == END:
            break
        tokens.append(best)
    return tokens[len(prompt) :]


class Letters:
    """As many tokens as the model has, each its own text."""

    end_of_sequence = END
    suppressed = [0, 2, 3]

    def __init__(self, vocabulary):
        self.vocabulary_size = vocabulary

    def units_started(self, character_units):
        return torch.ones(self.vocabulary_size, dtype=torch.int64)

    def decode(self, tokens):
        return " ".join(map(str, tokens))


def test_greedy_decoding_of_a_batch_is_that_of_each_clip():
    """Suppressed tokens are left out, and the limit is that of agents: 12 tokens a second, 8 at least."""
    model = tiny_reina()
    frames, lengths = memories(model, 60, 33, 90)
    tokenizer = Letters(model.dimensions.n_vocab)
    memory = Memory(frames, lengths, lengths, frame_ends(3, 90, 20.0, frames.device))
    decoder = SpeechDecoder(model, tokenizer, in_training=True)
    found = translate(decoder, memory, [[400], [401], [400]])
    for row, (length, tag) in enumerate(zip((60, 33, 90), (400, 401, 400), strict=True)):
        limit = max(8, round(length * 0.02 * 12))
        expected = recomputed(model, frames[row : row + 1, :length], [tag], limit, tokenizer.suppressed)
        assert found[row] == tokenizer.decode(expected)
    assert not next(model.parameters()).is_inference()


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
