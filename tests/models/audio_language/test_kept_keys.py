"""Keys of final frames that stay from chunk to chunk, against language models that read all of it anew."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import Qwen2AudioForConditionalGeneration

from agents.alignatt_agent import AlignAttPolicy
from agents.engine import StreamingEngine
from agents.holdn_agent import HoldNPolicy
from agents.local_agreement_agent import LocalAgreementPolicy
from models.decoding.options import SearchOptions
from models.languages import LanguagePair
from models.registry import load_translator
from models.sound.speech_activity import SpeechActivityOptions
from models.translator import FinalFrames, TranslatorOptions
from tests.models.tiny_qwen2_audio import parts, write_tiny_qwen2_audio

CLOSE = {"rtol": 0, "atol": 1e-4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_qwen2_audio(tmp_path_factory.mktemp("models") / "tiny", end_scale=2.5)


@pytest.fixture
def translator(folder):
    return load_translator(str(folder), TranslatorOptions(frozen_after_s=1.0))


@pytest.fixture(scope="module")
def reference(folder):
    """transformers' own language model."""
    network = Qwen2AudioForConditionalGeneration.from_pretrained(folder, attn_implementation="eager").eval()
    return parts(network).language_model.get_decoder()


def noise(seconds, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, round(16_000 * seconds)).astype(np.float32)


def open_streams(translator, lengths_s):
    streams = [translator.open_stream() for _ in lengths_s]
    for seed, (stream, seconds) in enumerate(zip(streams, lengths_s, strict=True)):
        stream.append(noise(seconds, seed))
    return streams


def read_anew(translator, reference, memory, stream, prefix):
    """Log-probabilities (V,) and mean attention of the last layer over the audio (T,), without any cache."""
    place = prefix.index(translator.tokenizer.audio_token)
    frames = memory.frames[stream, : int(memory.lengths[stream])]
    with torch.inference_mode():
        before, behind = (
            translator.model.embed(torch.tensor(text, dtype=torch.int64))
            for text in (prefix[:place], prefix[place + 1 :])
        )
        output = reference(
            inputs_embeds=torch.cat([before, frames, behind])[None], output_attentions=True, use_cache=False
        )
        attention = output.attentions[2][0, :, -1, place : place + len(frames)]
        attention = (attention / attention.sum(-1, keepdim=True)).mean(0)
        return translator.predict(output.last_hidden_state[0, -1]), attention


def check(translator, reference, memory, prefixes, listens_to):
    """All rows and their next steps, against each one read anew."""
    state, output = translator.start(memory, prefixes, listens_to, with_attention=True)
    for token in (7, 200):
        for row, (stream, prefix) in enumerate(zip(listens_to, prefixes, strict=True)):
            expected, attention = read_anew(translator, reference, memory, stream, prefix)
            assert torch.allclose(output.log_probabilities[row], expected, **CLOSE)
            assert torch.allclose(output.attention[row, : len(attention)], attention, rtol=0, atol=1e-5)
            assert not output.attention[row, len(attention) :].any()
        output = translator.step(state, torch.full((len(prefixes),), token))
        prefixes = [[*prefix, token] for prefix in prefixes]


def positions_read(translator, monkeypatch):
    """A list that grows by the shape (R, N) of each pass of the language model."""
    shapes = []
    layer = translator.model.language_model.get_decoder().layers[0].input_layernorm
    plain = layer.forward
    monkeypatch.setattr(layer, "forward", lambda x: shapes.append(tuple(x.shape[:2])) or plain(x))
    return shapes


@pytest.mark.parametrize("samples", [7_000, 16_000, 40_000])
def test_kept_equals_recomputed_chunk_by_chunk(translator, reference, samples):
    prompt = translator.tokenizer.prompt("en", "de")
    waveform, stream, kept = noise(5.6), translator.open_stream(), []
    for at in range(0, len(waveform), samples):
        stream.append(waveform[at : at + samples])
        memory = translator.encode_streams([stream])
        check(translator, reference, memory, [[*prompt, *range(20, 20 + at // 16_000)]], [0])
        kept.append(memory.final[0].count)
    assert kept == sorted(kept) and kept[-1] == 100


def test_a_chunk_costs_the_new_positions_and_the_text(translator, monkeypatch):
    shapes = positions_read(translator, monkeypatch)
    prompt = translator.tokenizer.prompt("en", "de")
    behind = len(prompt) - 1 - prompt.index(translator.tokenizer.audio_token)
    stream = translator.open_stream()
    for second in range(6):
        stream.append(noise(1.0, second))
        translator.start(translator.encode_streams([stream]), [prompt])
    text = prompt.index(translator.tokenizer.audio_token)
    # The text before the audio is read once. Of each second 25 frames are frozen a second later.
    assert shapes == [(1, text), (1, 25 + behind), *[(1, 50 + behind)] * 5]


def test_streams_join_and_leave_with_prompts_of_their_own(translator, reference):
    """Nothing of a stream is seen by another, whoever is decoded beside it."""
    to_german, from_french = translator.tokenizer.prompt("en", "de"), translator.tokenizer.prompt("fr", "en")
    longer = [translator.tokenizer.end_of_sequence, *to_german]  # text before the audio differs
    streams = open_streams(translator, (3.0, 0.4, 2.2))
    for seed, (present, prefixes) in enumerate(
        [
            ((0, 1), ([*to_german, 5], from_french)),
            ((2, 1, 0), (to_german, longer, [*from_french, 9, 8])),
            ((2,), (longer,)),
            ((1, 2, 0), (longer, [*to_german, 70], to_german)),
        ]
    ):
        for place in present:
            streams[place].append(noise(0.6, 10 + seed + place))
        memory = translator.encode_streams([streams[place] for place in present])
        check(translator, reference, memory, list(prefixes), list(range(len(present))))


def test_rows_over_one_stream_share_what_is_kept(translator, reference, monkeypatch):
    prompt = translator.tokenizer.prompt("en", "de")
    longer = [translator.tokenizer.end_of_sequence, *prompt]
    one, other = open_streams(translator, (3.0, 2.0))
    rows = [(0, [*prompt, 5, 9]), (0, prompt), (1, prompt), (0, [*longer, 8]), (1, [*prompt, 4])]
    for seed in (5, 6):
        shapes = positions_read(translator, monkeypatch)
        memory = translator.encode_streams([one, other])
        check(translator, reference, memory, [prefix for _, prefix in rows], [heard for heard, _ in rows])
        one.append(noise(1.0, seed))
        other.append(noise(1.3, seed))
    assert len(memory.final[0].kept) == 2 and len(memory.final[1].kept) == 1
    # The audio of three pairs of stream and beginning, at most 1.3 s and the second that is frozen no sooner.
    assert shapes[0] == (3, 57)


def test_a_prompt_may_begin_with_the_audio(translator, reference):
    prefix = [translator.tokenizer.audio_token, 40, 41]
    streams = open_streams(translator, (3.0, 0.5))
    for seed in (3, 4):
        check(translator, reference, translator.encode_streams(streams), [prefix, prefix], [0, 1])
        for stream in streams:
            stream.append(noise(1.0, seed))


def test_a_stream_that_forgets_begins_anew(translator, reference):
    prompt = translator.tokenizer.prompt("en", "de")
    (stream,) = open_streams(translator, (5.0,))
    first = translator.encode_streams([stream])
    check(translator, reference, first, [prompt], [0])
    stream.drop_before(2000)
    memory = translator.encode_streams([stream])
    assert memory.final[0].count == 50 and not memory.final[0].kept
    check(translator, reference, memory, [[*prompt, 6]], [0])
    assert memory.final[0].kept is not first.final[0].kept


def test_an_earlier_memory_reads_no_more_than_it_holds(translator, reference):
    prompt = translator.tokenizer.prompt("en", "de")
    streams = open_streams(translator, (3.0, 2.0))
    earlier = translator.encode_streams(streams)
    for stream in streams:
        stream.append(noise(1.5, 7))
    check(translator, reference, translator.encode_streams(streams), [prompt, prompt], [0, 1])
    check(translator, reference, earlier, [prompt, [*prompt, 5]], [0, 1])


def test_models_that_hear_the_same_stream_keep_keys_of_their_own(translator, reference, tmp_path):
    prompt = translator.tokenizer.prompt("en", "de")
    (stream,) = open_streams(translator, (3.0,))
    memory = translator.encode_streams([stream])
    other = load_translator(str(write_tiny_qwen2_audio(tmp_path / "other", seed=3)), TranslatorOptions())
    other.start(memory, [prompt])
    check(translator, reference, memory, [prompt], [0])
    assert len(memory.final[0].kept) == 2


def test_a_pass_that_failed_leaves_nothing_half_kept(translator, reference, monkeypatch):
    prompt = translator.tokenizer.prompt("en", "de")
    (stream,) = open_streams(translator, (3.0,))
    translator.start(translator.encode_streams([stream]), [prompt])
    stream.append(noise(1.0, 5))
    memory = translator.encode_streams([stream])
    last = translator.model.language_model.get_decoder().layers[2]

    def fail(*args, **kwargs):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(last, "forward", fail)
        with pytest.raises(MemoryError):
            translator.start(memory, [prompt])
    check(translator, reference, memory, [prompt], [0])


def test_encoders_that_finish_blocks_may_have_no_frame_left_to_read(translator, reference, monkeypatch):
    prompt = translator.tokenizer.prompt("en", "de")
    memory = translator.encode([noise(2.0), noise(1.0, 1)])
    finished = replace(memory, final=(FinalFrames(50, {}), FinalFrames(25, {})))
    for rows in ([0, 1], [0, 0, 1]):
        for _ in range(2):
            shapes = positions_read(translator, monkeypatch)
            check(translator, reference, finished, [[*prompt, row] for row in range(len(rows))], rows)
    assert max(length for _, length in shapes) == len(prompt) - prompt.index(translator.tokenizer.audio_token)


class ReadingAnew:
    """A translator whose memories say of no frame that it is final, so that no keys are kept."""

    def __init__(self, translator):
        self._translator = translator

    def __getattr__(self, name):
        return getattr(self._translator, name)

    def encode_streams(self, streams):
        return replace(self._translator.encode_streams(streams), final=None)


@pytest.mark.parametrize("search", [{"beam": 1}, {"beam": 1, "drafts": False}, {"beam": 3, "patience": 2.0}])
def test_policies_write_the_same_with_and_without_kept_keys(translator, search):
    """Two policies over one source, another beside them; drafts, and beams."""

    def written(translator):
        options = SearchOptions(maximum_tokens_per_chunk=12, **search)
        engine = StreamingEngine(translator, options, SpeechActivityOptions(decode_silence=True))
        pair = LanguagePair("en", "de")
        first, other = (engine.open_stream(policy, pair) for policy in (AlignAttPolicy(6), HoldNPolicy(2)))
        streams = [first, other, engine.open_stream(LocalAgreementPolicy(), pair, first.audio)]
        texts = [""] * 3
        for chunk in range(7):
            for seed, stream in enumerate((first, other)):
                stream.audio.append(noise(0.75, chunk + 100 * seed), 16_000, finished=chunk == 6)
            decided = engine.step(streams)
            texts = [text + decision.text for text, decision in zip(texts, decided, strict=True)]
        return texts

    kept = written(translator)
    assert kept == written(ReadingAnew(translator))
    assert all(kept)
