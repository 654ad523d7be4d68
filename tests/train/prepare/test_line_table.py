"""Which rows of a table are lines that can be joined."""

import numpy as np
import soundfile

from train.prepare.line_table import LineTable
from train.prepare.skipped import Skipped


def test_a_beginning_of_a_clip_is_no_line_since_its_file_holds_more_than_its_text(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(16_000, 0.1), 16_000)
    rows = ["id\taudio\theard_ms\tde", "a\ta.wav\t\teins zwei", "a@500\ta.wav\t500\teins"]
    (tmp_path / "table.tsv").write_text("\n".join(rows) + "\n")
    lines, skipped = LineTable(tmp_path / "table.tsv", ("de",), audio_column="audio").usable_lines()
    assert [line.texts for line in lines] == [("eins zwei",)]
    assert skipped == [Skipped("a@500", "its text is that of the clip's beginning alone", "500")]
