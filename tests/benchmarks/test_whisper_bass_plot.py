"""Points of a sweep become curves: settings in the order of their lag, the offline run a line."""

from benchmarks.whisper_bass.plot import main, read_curves

POINTS = (
    "system\tsetting\tWER_NORM\tLAAL_s\nholdn\tn=6\t4.5\t2.2\n"
    "holdn\tn=2\t6.0\t1.1\noffline\tholdn\t3.0\t13.0\n"
)


def test_settings_are_ordered_by_lag(tmp_path):
    (tmp_path / "points.tsv").write_text(POINTS)
    assert read_curves(tmp_path / "points.tsv") == {
        "holdn": [(1.1, 6.0), (2.2, 4.5)],
        "offline": [(13.0, 3.0)],
    }
    assert main(["--points", str(tmp_path / "points.tsv"), "--output", str(tmp_path / "curves.png")]) == 0
    assert (tmp_path / "curves.png").stat().st_size > 5_000


def test_points_without_word_errors_are_told(tmp_path, capsys):
    (tmp_path / "points.tsv").write_text(POINTS.replace("WER_NORM", "BLEU"))
    assert main(["--points", str(tmp_path / "points.tsv"), "--output", str(tmp_path / "curves.png")]) != 0
    assert "has no column WER_NORM" in capsys.readouterr().err
    assert not (tmp_path / "curves.png").exists()
