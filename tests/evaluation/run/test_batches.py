"""What the batched engine simulates together, and that it does not matter to the results."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from evaluation.configuration.evaluation_file import configure
from evaluation.run.batched_run import BatchedRun, batch_key, read_transcripts, usual_audio_at_once_s
from evaluation.run.simulate_all import simulate_all
from foundation.workers import Workers
from models.policy.folder import StoredPolicy, save_policy
from models.registry import load_translator
from models.translator import TranslatorOptions
from tests.evaluation.batched_settings import configurations
from tests.models.tiny_reina import tiny_policy


def hears(silence_ms=0.0, window_ms=None, bytes_per_s=None):
    """What batches depend on of a translator."""
    return SimpleNamespace(
        encoded_silence_ms=silence_ms, maximum_audio_ms=window_ms, bytes_per_audio_s=bytes_per_s
    )


@pytest.mark.parametrize("limits", [{"streams_at_once": 1}, {"streams_at_once": 7}, {"audio_at_once_s": 1.5}])
def test_bounded_memory_changes_nothing(limits, models, test_set, tmp_path):
    logs = []
    for name, changes in (("free", {}), ("bounded", limits)):
        run = BatchedRun(tuple(configurations(models, test_set, "reina", **changes)))
        (tmp_path / name).mkdir()
        transcripts = simulate_all(run, tmp_path / name, Workers())
        logs.append(
            {index: [one.units for one in transcripts[index].values()] for index in sorted(transcripts)}
        )
    assert logs[0] == logs[1]


def test_batches_are_of_like_length_and_bounded(models, test_set):
    batches = {
        most: list(BatchedRun(tuple(configurations(models, test_set, "digsst", **limits))).batches(hears()))
        for most, limits in {
            "streams": {"streams_at_once": 2},
            "audio": {"audio_at_once_s": 2.0},
        }.items()
    }
    run = BatchedRun(tuple(configurations(models, test_set, "digsst", audio_at_once_s=2.0)))
    batches["padded"] = list(run.batches(hears(silence_ms=1500)))
    batches["window"] = list(run.batches(hears(window_ms=650)))
    assert batches == {
        "window": [[3, 1, 2], [0, 4]],  # of longer audio no more is encoded at once
        "streams": [[3, 1], [2, 0], [4]],  # the two settings are decoded one after the other
        "audio": [[3], [1], [2, 0], [4]],
        "padded": [[3], [1], [2], [0], [4]],
    }


def test_processes_get_about_equally_much_audio(models, test_set):
    """Sentences of 0.6, 1.3, 0.9, 1.7 and 0.05 s."""
    run = BatchedRun(tuple(configurations(models, test_set, "digsst", streams_at_once=1)))
    batches = list(run.batches(hears()))
    assert batches == [[3], [1], [2], [0], [4]]
    assert run.shares(batches, 2) == [[[3], [0]], [[1], [2], [4]]]
    assert run.shares(batches[:2], 3) == [[[3]], [[1]], []]


def test_policies_for_one_model_are_simulated_side_by_side(models, test_set, tmp_path):
    """They share what it hears, and their results are those of each alone."""
    second = StoredPolicy(tiny_policy(seed=4, objective="divergence"), 0.5, "../reina")
    save_policy(models / "reina-digsst", second)
    model = str(models / "reina-digsst")
    own = configurations(models, test_set, "reina")[1:3]
    others = [
        configure({**one.values(), "agent": "digsst", "model": model, "threshold": threshold}, "a test")
        for one, threshold in zip(own, (0.1, 0.2), strict=True)
    ]
    assert len({batch_key(one) for one in (*own, *others)}) == 1
    together = BatchedRun((*own, *others))
    lanes = together.load()
    networks = [lane.engine.translator for lane in lanes]
    assert networks[0] is networks[1] and networks[2] is networks[3] and networks[0] is not networks[2]
    assert networks[0].base is networks[2].base
    units = []
    for name, run in (
        ("together", together),
        ("own", BatchedRun((*own,))),
        ("others", BatchedRun((*others,))),
    ):
        (tmp_path / name).mkdir()
        transcripts = simulate_all(run, tmp_path / name, Workers())
        units.append([[transcripts[index][key].units for index in range(5)] for key in run.keys])
    assert units[0] == units[1] + units[2]
    assert len({str(one) for one in units[0]}) > 2


def test_the_bound_of_streams_counts_what_is_decoded_together(models, test_set):
    """Two settings of greedy search are, the one with beams is not."""
    [beams, greedy] = configurations(models, test_set, "digsst", streams_at_once=4)
    also_greedy = configure({**greedy.values(), "threshold": 0.2}, "a test")
    run = BatchedRun((beams, greedy, also_greedy))
    assert list(run.batches(hears())) == [[3, 1], [2, 0], [4]]


def test_what_was_heard_of_other_audio_or_by_other_weights_is_simulated_again(models, test_set, tmp_path):
    run = BatchedRun(tuple(configurations(models, test_set, "reina")[:1]))
    [key], parts = run.keys, tmp_path / "parts"
    parts.mkdir()
    simulate_all(run, parts, Workers())
    files = list(parts.glob("*.jsonl"))
    assert sorted(read_transcripts(files, run.audio_stamps)) == [0, 1, 2, 3, 4]
    audio = Path(run.audio_files[3])
    os.utime(audio, ns=(1, 1))
    again = BatchedRun(run.configurations)
    assert again.keys == [key]
    assert sorted(read_transcripts(files, again.audio_stamps)) == [0, 1, 2, 4]
    os.utime(models / "reina" / "policy.json", ns=(1, 1))
    assert BatchedRun(run.configurations).keys != [key]


@pytest.mark.parametrize(
    "total_s, bytes_per_s, at_once_s",
    [
        (100_000, 1_843_200, 1000.0),  # of the mini model: 1.8 GB
        (2_000, 1_843_200, 500.0),  # a quarter, so that four processes have something to do
        (300, 1_843_200, 120.0),
        (100_000, 10 * 2**20, 204.8),  # 2 GiB
        (100_000, 100 * 2**20, 120.0),
        (100_000, None, 120.0),
    ],
)
def test_audio_that_is_encoded_together_by_default(total_s, bytes_per_s, at_once_s):
    assert usual_audio_at_once_s(total_s, bytes_per_s) == at_once_s


def test_the_mini_model_keeps_so_much_of_each_second():
    """50 frames of float32: keys and values of four layers of 384, and twice of six of 256."""
    translator = load_translator("reina-mini", TranslatorOptions())
    assert translator.bytes_per_audio_s == 50 * 4 * (4 * 2 * 384 + 2 * 6 * 2 * 256) == 1_843_200
