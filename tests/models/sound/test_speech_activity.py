from importlib.metadata import distribution

import numpy as np
import pytest
import torch

from foundation.errors import InputError
from models.sound import speech_network
from models.sound.speech_activity import (
    SharedListening,
    SpeechActivity,
    SpeechActivityOptions,
    open_listener,
)
from models.sound.speech_network import SpeechNetwork, load_speech_network

SECOND = 16_000


def heard(*audio: np.ndarray, options: SpeechActivityOptions | None = None, listener=None) -> SpeechActivity:
    activity = SpeechActivity(options or SpeechActivityOptions(), listener)
    for samples in audio:
        activity.append(samples)
    return activity


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * SECOND), np.float32)


def chords(seconds: int) -> np.ndarray:
    """Plucked chords of three notes, one a second."""
    time = np.arange(SECOND) / SECOND
    notes = [(131, 165, 196), (110, 131, 165), (175, 220, 262)]
    envelope = 0.1 * np.exp(-time) * np.minimum(1, time / 0.01)
    bars = [
        envelope * sum(np.sin(2 * np.pi * k * note * time) / k for note in bar for k in (1, 2, 3, 4))
        for bar in notes
    ]
    return np.concatenate([bars[second % 3] for second in range(seconds)]).astype(np.float32)


def noise(level: float, seconds: float = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(0, level, round(seconds * SECOND)).astype(np.float32)


@pytest.mark.parametrize(
    "audio",
    [silence(2), noise(0.001), noise(0.3), chords(3)],
    ids=["silence", "hiss", "loud noise", "chords"],
)
def test_nobody_speaks_in_silence_noise_and_chords(audio):
    activity = heard(audio)
    assert not activity.any_speech and not activity.speaking
    assert activity.speech_ms == activity.speech_end_ms == 0
    assert not activity.may_say_more(decoded_ms=0)


def test_speech_is_heard_where_it_is(speech):
    activity = heard(silence(1), speech[: 2 * SECOND], silence(1))
    assert 1200 < activity.speech_ms <= 2200
    assert 2000 < activity.speech_end_ms < 3300
    assert activity.any_speech


def test_chunks_of_any_length_give_what_the_whole_gives(speech):
    audio = np.concatenate([silence(0.3), speech[: 2 * SECOND], silence(0.7)])
    said = [[], [], []]

    def listener(said):
        hear = open_listener()
        return lambda frame: said.append(hear(frame)) or said[-1]

    whole = heard(audio, listener=listener(said[0]))
    for length, its in ((511, said[1]), (8000, said[2])):
        pieces = (audio[start : start + length] for start in range(0, len(audio), length))
        parts = heard(*pieces, listener=listener(its))
        for name in ("speech_ms", "speech_end_ms", "speaking", "any_speech"):
            assert getattr(parts, name) == getattr(whole, name)
    assert said[0] == said[1] == said[2] and len(said[0]) == 93


def test_listeners_of_one_source_hear_what_each_hears_alone_and_the_network_does_once(speech, monkeypatch):
    frames = []
    forward = SpeechNetwork.forward
    monkeypatch.setattr(
        SpeechNetwork, "forward", lambda self, *given: frames.append(1) or forward(self, *given)
    )
    audio = np.concatenate([silence(0.3), speech[:SECOND]])
    alone = heard(audio)
    assert len(frames) == len(audio) // 512 == 40
    listening = SharedListening()
    one, other = (SpeechActivity(SpeechActivityOptions(), listening.open_listener()) for _ in range(2))
    for activity, start, end in [(one, 0, 4000), (other, 0, 9000), (one, 4000, None), (other, 9000, None)]:
        activity.append(audio[start:end])
    assert len(frames) == 80
    for name in ("speech_ms", "speech_end_ms", "speaking", "pieces"):
        assert getattr(one, name) == getattr(other, name) == getattr(alone, name)
    assert alone.speech_ms > 0


def test_streams_do_not_hear_each_other(speech):
    alone = heard(speech[:SECOND])
    one, other = (SpeechActivity(SpeechActivityOptions()) for _ in range(2))
    for start in range(0, SECOND, 4000):
        one.append(speech[start : min(start + 4000, SECOND)])
        other.append(silence(0.25))
    assert one.speech_ms == alone.speech_ms > 0
    assert not other.any_speech


class Says(SpeechNetwork):
    """A network that says given probabilities, one a frame."""

    def __init__(self, *probabilities: float) -> None:
        super().__init__()
        self.probabilities = iter(probabilities)

    def forward(self, frame, state):
        return torch.tensor([next(self.probabilities)]), state


def after(monkeypatch, *probabilities: float, **options) -> SpeechActivity:
    """Activity after frames of such probabilities; least speech is 2 frames and a pause 3, if not said."""
    monkeypatch.setattr("models.sound.speech_activity.load_speech_network", lambda: Says(*probabilities))
    options = SpeechActivityOptions(**{"least_speech_ms": 64, "pause_ms": 96, **options})
    return heard(silence(0.032 * len(probabilities)), options=options)


def test_a_short_piece_is_no_speech_however_often_it_comes(monkeypatch):
    assert not after(monkeypatch, *[0.9, 0.1] * 20).any_speech


def test_speech_begins_at_one_probability_and_ends_below_another(monkeypatch):
    assert after(monkeypatch, 0.4, 0.4, 0.4).speech_ms == 0
    assert after(monkeypatch, 0.5, 0.4, 0.36, 0.34).speech_ms == 96
    assert after(monkeypatch, 0.5, 0.4, 0.36, 0.34).speech_end_ms == 96


def test_after_speech_every_moment_counts_until_the_pause_is_over(monkeypatch):
    assert after(monkeypatch, 0.9, 0.9, 0, 0.9, 0).speech_ms == 96
    assert after(monkeypatch, 0.9, 0.9, 0, 0.9, 0).speech_end_ms == 128
    assert after(monkeypatch, 0.9, 0.9, 0, 0, 0, 0.9, 0).speech_ms == 64


def test_somebody_speaks_until_a_pause(monkeypatch):
    assert after(monkeypatch, 0.9, 0.9, 0, 0).speaking
    assert not after(monkeypatch, 0.9, 0.9, 0, 0, 0).speaking
    assert after(monkeypatch, 0.9, 0.9, 0, 0, 0, 0.9, 0.9).speaking


def test_a_stream_is_decoded_once_more_when_the_pause_is_known(monkeypatch):
    activity = after(monkeypatch, 0.9, 0.9, 0, 0, 0, 0)  # speech ends at 64 ms, the pause at 160
    assert activity.may_say_more(decoded_ms=0)
    assert activity.may_say_more(decoded_ms=159)
    assert not activity.may_say_more(decoded_ms=160)


def test_utterances_lie_between_pauses(monkeypatch):
    """Frames of 32 ms: speech from 0 to 64 and from 192 to 320 ms, silence behind each; a pause is 96 ms."""
    activity = after(monkeypatch, 0.9, 0.9, 0, 0, 0, 0, 0.9, 0.9, 0.9, 0.9, 0, 0, 0, 0)
    assert [(piece.begin_ms, piece.end_ms) for piece in activity.pieces] == [(0, 64), (192, 320)]
    assert [activity.utterance_end(0, ms, 96) for ms in (0, 223, 224, 479, 480)] == [160, 160, 416, 416, None]
    assert [activity.utterance_end(ms, 200, 128) for ms in (0, 63, 64, 319)] == [192, 192, 448, 448]
    assert activity.utterance_end(320, 400, 128) is None
    assert activity.utterance_end(0, 0, 160) is None
    assert [activity.begin_after(ms) for ms in (0, 64, 319, 320)] == [0, 192, 192, None]
    assert activity.undecided_ms == 448


def test_a_pause_is_not_over_while_speech_may_have_begun(monkeypatch):
    """One frame of speech may be the first of two: the silence before it is known, not the one behind."""
    activity = after(monkeypatch, 0.9, 0.9, 0, 0, 0, 0.9)
    assert (activity.undecided_ms, activity.begin_after(64)) == (160, None)
    assert [activity.utterance_end(0, 0, pause_ms) for pause_ms in (96, 128)] == [160, None]


def test_forgotten_speech_counts_no_more(monkeypatch):
    activity = after(monkeypatch, 0.9, 0.9, 0, 0, 0, 0, 0.9, 0.9, 0.9, 0.9)
    assert activity.speech_ms == 192
    activity.forget_before(33)
    assert activity.speech_ms == 128
    activity.forget_before(192)
    assert (activity.speech_ms, len(activity.pieces)) == (128, 1)
    activity.forget_before(1000)
    assert (activity.any_speech, activity.speech_end_ms, len(activity.pieces)) == (False, 320, 1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"speech_begins": 0.2}, "no higher than it begins at, got ends 0.35 and begins 0.2"),
        ({"pause_ms": -1}, "pause_ms must be at least 0, got -1"),
    ],
)
def test_thresholds_out_of_order_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        SpeechActivityOptions(**options)


def test_a_missing_package_is_named(monkeypatch):
    def missing(name):
        raise speech_network.PackageNotFoundError(name)

    monkeypatch.setattr(speech_network, "distribution", missing)
    with pytest.raises(InputError, match="pip install 'silero-vad"):
        load_speech_network.__wrapped__()


def test_the_network_says_what_the_packages_own_says(speech):
    """With the weights of its TorchScript form, which are others than ours."""
    theirs = torch.jit.load(distribution("silero-vad").locate_file("silero_vad/data/silero_vad.jit"))
    weights = theirs._model.state_dict()
    names = {"stft_conv.weight": "stft.forward_basis_buffer"}
    for ours in SpeechNetwork().state_dict():
        module, kind = ours.rsplit(".", 1)
        if module.startswith("conv"):
            names[ours] = f"encoder.{int(module[4:]) - 1}.reparam_conv.{kind}"
        elif module != "stft_conv":
            names[ours] = {"lstm_cell": "decoder.rnn", "final_conv": "decoder.decoder.2"}[module] + f".{kind}"
    network = SpeechNetwork()
    network.load_state_dict({ours: weights[name] for ours, name in names.items()})
    state = network.start()
    with torch.inference_mode():
        for frame in torch.from_numpy(speech[: 30 * 512]).view(-1, 1, 512):
            probability, state = network(frame, state)
            assert probability.item() == pytest.approx(theirs(frame, 16_000).item(), abs=1e-5)
