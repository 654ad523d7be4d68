"""simulst nose as a user runs it."""

import pytest

import simulst
from tests.evaluation.streamspeech import DE_EN, ES_EN, FR_EN


@pytest.fixture
def points(tmp_path):
    """Writes a file of points and returns its path."""

    def write(name: str, values) -> str:
        file = tmp_path / f"{name}.tsv"
        file.write_text("latency\tquality\n" + "".join(f"{x}\t{y}\n" for x, y in values))
        return str(file)

    return write


def run(capsys, *words) -> tuple[int, list[str], str]:
    """Exit status, lines of output, and what went to stderr."""
    status = simulst.main(["nose", *map(str, words)])
    captured = capsys.readouterr()
    return status, captured.out.splitlines(), captured.err


def test_last_line_begins_with_the_score(points, capsys):
    file = points("fr-en", FR_EN[0])
    _, lines, _ = run(capsys, "--points", file, "--offline", 28.45, "--bounds", 1.637, 5.169)
    score, signature = lines[-1].split()
    assert score == "0.886"
    assert "bounds:[1.637,5.169]|quality:BLEU|latency:AL|unit:s|offline:28.45" in signature


def test_several_systems_share_bounds_and_get_a_table(points, capsys):
    systems = {"fr-en": FR_EN, "es-en": ES_EN, "de-en": DE_EN}
    files = [points(name, published[0]) for name, published in systems.items()]
    offline = [published[2] for published in systems.values()]
    _, lines, _ = run(capsys, "--points", *files, "--offline", *offline, "--decoding", "greedy")
    assert lines[0].split()[:2] == ["system", "NoSE"]
    assert [line.split()[0] for line in lines[1:4]] == list(systems)
    *scores, signature = lines[-1].split()
    assert [line.split()[1] for line in lines[1:4]] == scores
    assert "bounds:[1.68762,5.68392]" in signature
    assert "offline:28.45,27.25,19.72|decoding:greedy|points:12,12,12" in signature


def test_names_of_metrics_go_to_the_signature(points, capsys):
    words = ("--offline", 30, "--quality-metric", "chrF", "--latency-metric", "LAAL", "--unit", "ms")
    _, lines, _ = run(capsys, "--points", points("a", FR_EN[0]), *words)
    assert "quality:chrF|latency:LAAL|unit:ms" in lines[-1]


def test_plot_is_written(points, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    words = ("--offline", 28.45, "--plot", tmp_path / "curve.png")
    status, _, _ = run(capsys, "--points", points("fr-en", FR_EN[0]), *words)
    assert status == 0
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_one_line(points, capsys, tmp_path):
    file, short = points("a", FR_EN[0]), points("short", FR_EN[0][:1])
    for words, message in [
        (("--points", file), "a has no offline quality"),
        (("--points", file, "--offline", 30, "--bounds", 1, 5), "1.0 to 5.0 lie outside the curve of a"),
        (("--points", file, file, "--offline", 30), "--offline gives 1 scores for 2 files"),
        (("--points", short, "--offline", 30), "a curve needs at least 2 points, short has 1"),
        (("--points", tmp_path / "no.tsv", "--offline", 30), "no.tsv does not exist"),
        (("--points", file, "--offline", 30, "--plot", tmp_path / "no" / "a.png"), "a.png cannot be written"),
    ]:
        status, lines, error = run(capsys, *words)
        assert (status, lines) == (1, [])
        assert error.startswith("error: ") and message in error and error.count("\n") == 1
