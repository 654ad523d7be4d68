"""Rounds of the batched simulator: streams of all chunk lengths take part, each as it would alone."""

import math
from dataclasses import replace

import pytest

from agents.alignatt_agent import AlignAttPolicy
from agents.digsst_agent import DigSstPolicy
from agents.edatt_agent import EDAttPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from agents.offline_agent import OfflinePolicy
from agents.policy import Policy
from agents.reina_agent import ReinaPolicy
from agents.simulsa_agent import SimulSAPolicy
from agents.waitk_agent import WaitKPolicy
from evaluation.run.batched_simulator import Lane, Source, simulate
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from tests.models.scripted_translator import ScriptedTranslator, random_script

GERMAN = LanguagePair("en", "de")


def test_settings_of_different_chunks_share_what_they_have_both_heard(test_set):
    """1.3 s end in the sixth chunk of 250 ms and in the third of 500 ms: nothing is encoded twice."""
    translator = ScriptedTranslator(random_script(0, 9), 9)
    engine = StreamingEngine(translator, SearchOptions())
    lanes = [Lane(engine, Policy(), GERMAN, chunk_ms, "word") for chunk_ms in (250, 500)]
    [[every, second]] = simulate(lanes, [Source(test_set / "1.wav")])
    assert (len(every.chunks), len(second.chunks), translator.encoded) == (6, 3, 6)


def test_chunks_of_all_lengths_take_part_in_a_round_and_last_ones_wait_for_each_other(test_set):
    """1.3 and 0.6 s: what is encoded together, in frames of 20 ms."""
    rounds = []

    class Recorded(ScriptedTranslator):
        def encode_streams(self, streams):
            rounds.append([int(stream.duration_ms / 20) for stream in streams])
            return super().encode_streams(streams)

    engine = StreamingEngine(Recorded(random_script(0, 9), 9), SearchOptions())
    lanes = [Lane(engine, Policy(), GERMAN, chunk_ms, "word") for chunk_ms in (250, 340, 500, 2000)]
    transcripts = simulate(lanes, [Source(test_set / f"{index}.wav") for index in (1, 0)])
    assert rounds == [
        [12, 12],
        [25, 17, 25, 17],  # the second chunk of 250 ms is the first of 500 ms
        [37, 34],
        [50],
        [62, 51],
        [65, 30],
    ]
    chunks = [[len(lane.chunks) for lane in of_source] for of_source in transcripts]
    assert chunks == [[6, 4, 3, 1], [3, 2, 2, 1]]


class PolicyScripted(ScriptedTranslator):
    """Its policy network's score is the log-probability of the likeliest token."""

    def _predict(self, state, frames):
        output = super()._predict(state, frames)
        return replace(output, policy_score=output.log_probabilities.max(1).values)


class AnyModelReina(ReinaPolicy):
    def for_model(self, translator):
        return self


class AnyModelDigSst(DigSstPolicy):
    def for_model(self, translator):
        return self


EVERY_POLICY = [
    OfflinePolicy(),
    LocalAgreementPolicy(2),  # two random hypotheses never agree
    WaitKPolicy(k=1, step_ms=150),
    HoldNPolicy(2),
    SimulSAPolicy(1),
    LocalAgreementPolicy(1),
    AlignAttPolicy(6),
    EDAttPolicy(0.4, 3),
    AnyModelReina(-0.1),
    AnyModelReina(-0.4),
    AnyModelDigSst(0.62),
]


@pytest.mark.parametrize("beam", [1, 3])
def test_all_policies_and_chunk_lengths_side_by_side_do_what_each_does_alone(beam, test_set):
    """Against a plain loop: one stream, one chunk after the other."""

    def engine():
        translator = PolicyScripted(random_script(3, 12, sharpness=4.0), 12)
        return StreamingEngine(translator, SearchOptions(beam=beam, patience=2.0))

    def alone(policy, chunk_ms, source):
        loop, chunks, delays = engine(), [], []
        stream = loop.open_stream(policy, GERMAN)
        length = math.ceil(chunk_ms / 1000 * source.sample_rate)  # as SimulEval rounds
        for start in range(0, len(source.samples), length):
            end = min(start + length, len(source.samples))
            stream.audio.append(source.samples[start:end], source.sample_rate, end == len(source.samples))
            [decision] = loop.step([stream])
            chunks.append((decision.heard_ms, decision.text))
            delays += [1000 * end / source.sample_rate] * len(decision.text.split())
        return chunks, delays

    together = engine()
    lanes = [
        Lane(together, policy, GERMAN, chunk_ms, "word") for policy in EVERY_POLICY for chunk_ms in (170, 500)
    ]
    sources = [Source(test_set / f"{index}.wav") for index in (0, 2, 4)]
    transcripts = simulate(lanes, sources)
    early = set()
    for source, of_source in zip(sources, transcripts, strict=True):
        for lane, transcript in zip(lanes, of_source, strict=True):
            chunks = [(chunk.arrival_ms, chunk.text) for chunk in transcript.chunks]
            assert (chunks, transcript.delays) == alone(lane.policy, lane.chunk_ms, source)
            if any(text for _, text in chunks[:-1]):
                early.add(lane.policy)
    assert early == set(EVERY_POLICY[2:]), "policies that never write early test nothing"
