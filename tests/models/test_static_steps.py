"""Steps over static shapes, recorded or not, against plain steps; what is padding changes no bit of a row."""

import logging
import random

import numpy as np
import pytest
import torch

from agents.alignatt_agent import AlignAttPolicy
from agents.edatt_agent import EDAttPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.waitk_agent import WaitKPolicy
from foundation.errors import InputError
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.layers.step_room import StepShape, bucket
from models.registry import load_translator
from models.static_steps import StaticSteps
from models.translator import TranslatorOptions
from tests.models.recorded_calls import RecordedCall
from tests.models.tiny_reina import write_tiny_reina
from tests.models.tiny_whisper import write_tiny_whisper
from tests.pretended_device import counted_waits, pretended_device


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("models") / "whisper", alignment_heads=[[0, 0], [1, 1]])


@pytest.fixture(scope="module")
def translator(folder):
    return load_translator(str(folder), TranslatorOptions(trailing_silence_ms=0))


@pytest.fixture
def static(translator):
    """Gives the same translator with static steps, recorded on demand, and at the end without."""
    RecordedCall.made.clear()

    def make(recording=None):
        translator.static_steps = StaticSteps(translator.model.decoder, translator.predict, recording)
        return translator

    yield make
    translator.static_steps = None


def noise(seconds, seed):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def test_sizes_are_few():
    counts = (1, 2, 3, 5, 9, 17, 32, 33, 48, 49, 65, 97, 129, 200, 300)
    assert [bucket(count) for count in counts] == [1, 2, 4, 8, 16, 32, 32, 48, 48, 64, 96, 128, 192, 256, 384]


def played(translator, memory, with_attention=True):
    """What the decoder says while rows come, go, multiply and rest, of several memories."""
    chance, outputs = random.Random(3), []
    generator = torch.Generator().manual_seed(0)
    prompt = translator.tokenizer.prompt("es", "en")
    prefixes = [[*prompt, 5, 6, 7], [*prompt, 9], [*prompt], [*prompt, 4, 4]]
    state, _ = translator.start(memory, prefixes, [0, 2, 1, 0], with_attention)
    for step in range(60):
        held, rows = state.rows_held, state.rows
        if step % 11 == 4:
            order = [chance.randrange(held) for _ in range(chance.choice([1, 2, 3, 5, 9]))]
            awake = chance.randint(1, len(order))
            # A row gives back what it has been given since, at most two tokens.
            state.resume(torch.tensor(order), torch.tensor([chance.randint(0, 2) for _ in range(awake)]))
        elif step % 4 == 3:
            chosen = [chance.randrange(rows) for _ in range(chance.choice([1, 2, 3, 5, 9]))]
            if state.rows_held == rows:
                state.select(torch.tensor(chosen))
        tokens = torch.randint(0, 500, (state.rows,), generator=generator)
        output = translator.step(state, tokens)
        outputs.append([output.log_probabilities.clone(), output.hidden.clone(), output.attention])
    return outputs


@torch.inference_mode()
@pytest.mark.parametrize("recording", [None, RecordedCall])
def test_rows_that_come_and_go_are_told_the_same(translator, static, recording):
    memory = translator.encode([noise(2.0, 1), noise(0.31, 2), noise(1.234, 3)])
    plain = played(translator, memory)
    shaped = played(static(recording), memory)
    assert len({len(output[0]) for output in plain}) >= 4
    for expected, found in zip(plain, shaped, strict=True):
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(other, one, atol=2e-5, rtol=1e-4)
    assert sum(one.replays for one in RecordedCall.made) > (20 if recording else -1)


@torch.inference_mode()
def test_padding_changes_no_bit_of_a_row(translator, static):
    """Whatever stands in the memory of rows, frames and tokens that are padding."""
    memory = translator.encode([noise(2.0, 1), noise(0.31, 2), noise(1.234, 3)])
    prompt = translator.tokenizer.prompt("es", "en")
    results = []
    for garbage in (0.0, 7.0, -1e4):
        room = static().static_steps._room
        state, _ = translator.start(memory, [prompt] * 3, with_attention=True)
        room.take_in(state, StepShape.of(state))
        kept = [one.clone() for layer in (*state.self_attention, *state.cross) for one in layer]
        filled = state.filled
        room._own.fill_(garbage)
        room._cross.fill_(garbage)
        for at, layer in enumerate((*state.self_attention, *state.cross)):
            for place, one in enumerate(layer):
                part = one[:3, :, :filled] if at < len(state.self_attention) else one
                part.copy_(kept[2 * at + place][: len(part), :, : part.shape[2]])
        output = translator.step(state, torch.tensor([3, 4, 5]))
        results.append((output.log_probabilities, output.hidden, output.attention))
        assert StepShape.of(state) == StepShape(4, 1, 4, 256, 64)
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


@torch.inference_mode()
def test_two_searches_take_turns(translator, static):
    """Whoever is in the memory moves out when another cache takes a step."""
    memory = translator.encode([noise(2.0, 1), noise(1.0, 2)])
    prompt = translator.tokenizer.prompt("es", "en")
    tokens = [torch.tensor([3, 4]), torch.tensor([6, 7]), torch.tensor([8, 9])]

    def turns():
        states = [translator.start(memory, [[*prompt, more], prompt])[0] for more in (1, 2)]
        return [translator.step(state, some).log_probabilities.clone() for some in tokens for state in states]

    plain = turns()
    static(RecordedCall)
    for one, other in zip(plain, turns(), strict=True):
        torch.testing.assert_close(other, one, atol=2e-5, rtol=1e-4)


POLICIES = [
    *(LocalAgreementPolicy(2), HoldNPolicy(3), AlignAttPolicy(4), AlignAttPolicy(20), EDAttPolicy()),
    WaitKPolicy(k=1, step_ms=200),
]


def decided(translator, beam):
    """Texts and scores of streams that begin and end at different times."""
    engine = StreamingEngine(translator, SearchOptions(beam=beam))
    streams = [engine.open_stream(policy, LanguagePair("en", "en")) for policy in POLICIES]
    chance, decisions = np.random.default_rng(7), []
    for chunk in range(5):
        going_on = streams[max(0, chunk - 2) : 3 + chunk]
        for stream in going_on:
            sound = chance.normal(0, 0.1, 6000).astype(np.float32)
            stream.audio.append(sound, 16_000, finished=streams.index(stream) == chunk - 2)
        decisions += engine.step(going_on, with_scores=True, with_times=chunk % 2 == 0)
    return [(one.text, one.times_ms, one.scores and one.scores.written, one.error) for one in decisions]


@pytest.mark.parametrize("beam", [1, 3])
def test_streams_that_join_and_leave_write_the_same(translator, static, beam):
    plain = decided(translator, beam)
    assert any(text for text, *_ in plain) and all(error is None for *_, error in plain)
    assert decided(static(RecordedCall), beam) == plain
    assert sum(one.replays for one in RecordedCall.made) > 10


@torch.inference_mode()
def test_what_cannot_be_recorded_is_said_once_and_computed(translator, static, caplog):
    class Refuses(RecordedCall):
        def capture(self, compute):
            raise RuntimeError("operation not permitted when stream is capturing\nmore")

    class Errs(RecordedCall):
        def replay(self):
            log_probabilities, *others = super().replay()
            return (log_probabilities.roll(1, -1), *others)

    memory = translator.encode([noise(1.0, 1)])
    prompt = translator.tokenizer.prompt("es", "en")

    def told():
        state, _ = translator.start(memory, [prompt])
        return [translator.step(state, torch.tensor([at])).log_probabilities.clone() for at in range(5)]

    plain = told()
    for recording, reason in ((Refuses, "operation not permitted"), (Errs, "probabilities differ by")):
        static(recording)
        caplog.clear()
        for one, other in zip(plain, told(), strict=True):
            torch.testing.assert_close(other, one, atol=2e-5, rtol=1e-4)
        [message] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert reason in message and "\n" not in message


@torch.inference_mode()
def test_more_rows_than_are_worth_it_take_plain_steps(translator, static, monkeypatch):
    monkeypatch.setattr("models.static_steps.MOST_ROWS", 2)
    memory = translator.encode([noise(1.0, 1)])
    prompt = translator.tokenizer.prompt("es", "en")
    steps = static().static_steps
    state, _ = translator.start(memory, [prompt] * 3, [0] * 3)
    assert steps.step(state, torch.tensor([1, 2, 3])) is None
    state.select(torch.tensor([0, 1]))
    assert steps.step(state, torch.tensor([1, 2])) is not None


@torch.inference_mode()
def test_memory_that_is_not_there_is_said_and_done_without(translator, static, monkeypatch, caplog):
    def refuse(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("models.layers.step_room.StepRoom._at_least", refuse)
    memory = translator.encode([noise(1.0, 1)])
    state, _ = static().start(memory, [translator.tokenizer.prompt("es", "en")])
    assert translator.static_steps.step(state, torch.tensor([1])) is None
    assert translator.step(state, torch.tensor([1])).log_probabilities.shape == (1, 640)
    assert "no memory left" in caplog.text


def test_nothing_that_is_recorded_waits_or_comes_from_the_host(folder, monkeypatch):
    """A CUDA graph can do neither."""
    compute, seen, steps = StaticSteps._compute, [], []

    def watched(self, cache):
        with counted_waits(and_copies=True) as waits:
            results = compute(self, cache)
        seen.extend(waits)
        steps.append(cache)
        return results

    monkeypatch.setattr(StaticSteps, "_compute", watched)
    with pretended_device() as device:
        there = load_translator(str(folder), TranslatorOptions(device=device, static_shapes=True))
        state, _ = there.start(
            there.encode([noise(1.0, 1)]), [there.tokenizer.prompt("es", "en")], None, with_attention=True
        )
        for token in range(3):
            there.step(state, torch.tensor([token]))
    assert len(steps) == 3 and steps[0] is steps[2]
    assert seen == []


def test_static_shapes_are_for_those_who_ask_for_them(folder, tmp_path, caplog):
    assert load_translator(str(folder), TranslatorOptions()).static_steps is None
    assert load_translator(str(folder), TranslatorOptions(static_shapes=True)).static_steps is not None
    reina = write_tiny_reina(tmp_path / "reina", seed=5, threshold=0.1)
    with pretended_device() as device:
        recorded = TranslatorOptions(device=device, cuda_graphs=True)
        there = load_translator(str(folder), recorded)
        memory = there.encode([noise(1.0, 1)])
        state, _ = there.start(memory, [there.tokenizer.prompt("es", "en")])
        for token in range(4):
            there.step(state, torch.tensor([token]))
        assert load_translator(str(reina), recorded).base.static_steps is not None
        plain = TranslatorOptions(device=device)
        assert load_translator(str(folder), plain).static_steps is None
    assert caplog.text.count("cannot be recorded as CUDA graphs here") == 1
    with pytest.raises(InputError, match="leave"):
        TranslatorOptions(cuda_graphs=True)
