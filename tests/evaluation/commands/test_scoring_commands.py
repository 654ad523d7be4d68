"""Texts of a run go out to another program, and its scores come back into the tables."""

import pytest

from evaluation.run.rescore import rescore
from simulst import main
from tests.evaluation.long_form_run import ENGLISH, write_long_form_run
from tests.evaluation.run_logs import write_run

SCORES = [0.9, 0.8, 0.25, 0.7, 0.6, 0.55]


@pytest.fixture
def run(tmp_path):
    """A scored run over six segments."""
    write_long_form_run(tmp_path / "run")
    rescore(tmp_path / "run", {})
    return tmp_path / "run"


@pytest.fixture
def spoken(tmp_path):
    file = tmp_path / "spoken.txt"
    file.write_text("".join(f"What is said  {place}\n" for place in range(6)))
    return file


def comet(tmp_path, scores=SCORES, name="comet.tsv", file="hypothesis.txt"):
    """What comet-score prints, with a line of a library before it."""
    lines = ["Seed set to 1", *(f"{file}\tSegment {at}\tscore: {one:.4f}" for at, one in enumerate(scores))]
    path = tmp_path / name
    path.write_text("\n".join([*lines, f"{file}\tscore: 0.6333"]) + "\n")
    return path


def test_texts_are_aligned_by_segment(run, spoken, tmp_path, capsys):
    out = tmp_path / "texts"
    assert main(["export-scoring", str(run), "--source-text", str(spoken), "--output", str(out)]) == 0
    assert capsys.readouterr().out.startswith("6 texts in ")
    lines = {file.name: file.read_text().split("\n")[:-1] for file in out.iterdir()}
    assert set(lines) == {"source.txt", "hypothesis.txt", "reference.txt", "index.txt"}
    assert lines["reference.txt"] == ENGLISH
    assert lines["source.txt"][5] == "What is said 5" and len(lines["hypothesis.txt"]) == 6
    assert main(["export-scoring", str(run), "--source-text", str(spoken), "--output", str(out)]) == 1
    assert "exists" in capsys.readouterr().err


def test_source_text_of_another_length_is_refused(run, spoken, tmp_path, capsys):
    spoken.write_text("one\n" * 5)
    flags = ["--source-text", str(spoken), "--output", str(tmp_path / "texts")]
    assert main(["export-scoring", str(run), *flags]) == 1
    assert "has 5 lines, but the test set of" in capsys.readouterr().err
    assert not (tmp_path / "texts").exists()


@pytest.mark.parametrize("form", ["comet", "table"])
def test_scores_come_back_into_all_tables(run, tmp_path, capsys, form):
    file = comet(tmp_path)
    if form == "table":
        rows = [f"{place}\t{score}\n" for place, score in reversed(list(enumerate(SCORES)))]
        file.write_text("index\tscore\n" + "".join(rows))
    assert main(["import-scoring", str(run), str(file), "--metric", "XCOMET-XL"]) == 0
    assert capsys.readouterr().out.startswith("XCOMET-XL 0.6333 over 6 segments of ")
    header, row = ((run / "scores.tsv").read_text().splitlines()[at].split("\t") for at in range(2))
    assert row[header.index("XCOMET-XL")] == "0.633" and header[-1] == "SENTENCES"
    words = ["compare", str(run), str(run), "--quality-metrics", "XCOMET-XL", "--resamples", "200"]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["XCOMET-XL", "0.633"]


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (SCORES[:5], "holds 5 scores, 5 of them for the 6 texts"),
        ([*SCORES, 0.5], "holds 7 scores, 6 of them"),
    ],
)
def test_a_score_for_each_text_is_needed(run, tmp_path, capsys, scores, said):
    assert main(["import-scoring", str(run), str(comet(tmp_path, scores)), "--metric", "XCOMET"]) == 1
    assert said in capsys.readouterr().err
    assert not (run / "imported_scores.json").exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["0\t.5", "1\t.5", "0\t.7"], "line 4 is a second score of segment 0: give one for each"),
        (["0.5\t.5"], "line 2: index must be a whole number, got '0.5'"),
        (["inf\t.5"], "line 2: index must be a whole number, got 'inf'"),
    ],
)
def test_each_text_has_one_score(run, tmp_path, capsys, rows, said):
    file = tmp_path / "table.tsv"
    file.write_text("\n".join(["index\tscore", *rows]) + "\n")
    assert main(["import-scoring", str(run), str(file), "--metric", "XCOMET"]) == 1
    assert said in capsys.readouterr().err
    assert not (run / "imported_scores.json").exists()


def test_a_second_score_that_comet_printed_is_named_by_its_line(run, tmp_path, capsys):
    file = comet(tmp_path, SCORES[:5])
    file.write_text(file.read_text() + "hypothesis.txt\tSegment 2\tscore: 0.1\n")
    assert main(["import-scoring", str(run), str(file), "--metric", "XCOMET"]) == 1
    assert "line 8 is a second score of segment 2: give one for each" in capsys.readouterr().err


def test_scores_of_two_files_are_refused(run, tmp_path, capsys):
    both = comet(tmp_path)
    both.write_text(both.read_text() + comet(tmp_path, name="other.tsv", file="b.txt").read_text())
    assert main(["import-scoring", str(run), str(both), "--metric", "XCOMET"]) == 1
    assert "holds scores of 2 files: score, and import, one run at a time" in capsys.readouterr().err


def test_scores_of_other_texts_are_left_out(run, tmp_path, capsys, caplog):
    assert main(["import-scoring", str(run), str(comet(tmp_path)), "--metric", "XCOMET"]) == 0
    log = run / "instances.log"
    before, prediction = log.read_text().split('"prediction": "', 1)
    log.write_text(before + '"prediction": "X' + prediction)
    _, scores = rescore(run, {})
    assert "XCOMET" not in scores.values
    assert any("imported scores (XCOMET) are of other texts" in text for text in caplog.messages)


def test_an_unknown_metric_names_those_that_there_are(tmp_path, capsys):
    run = write_run(tmp_path / "a", 500, 0.3)
    assert main(["compare", str(run), str(run), "--quality-metrics", "COMET"]) == 1
    assert "has no quality metric 'COMET': give some of BLEU, chrF" in capsys.readouterr().err
