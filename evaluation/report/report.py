"""One page that shows a whole sweep: curves, NoSE, all runs, and what they did with every utterance.

The page is a single HTML file without any request to elsewhere: style, scripts (evaluation/report/page/)
and data stand in it. Curves and tables are drawn from plain JSON; utterances lie in it compressed, one by
one, and are unpacked when a reader opens them. Audio is not in it: it is played from where it lies, by an
address relative to the page. The same sweep in the same place gives the same bytes.
"""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from evaluation.metrics.significance import Resampling
from evaluation.report.data import sweep_data
from evaluation.report.scores import SweepScores
from evaluation.report.segments import SegmentsOfRun
from evaluation.sweeps.finished_sweep import read_sweep
from evaluation.sweeps.layout import SweepLayout
from foundation.files.whole_folder import replaced_file

PAGE = Path(__file__).with_name("page")
# In an order in which none runs anything that a later one defines.
SCRIPTS = (
    "dom", "plot", "sweep/runs", "sweep/curves", "sweep/tables", "sweep/list",
    "utterance/packets", "utterance/tracks", "utterance/view", "utterance/words", "utterance/segments",
    "utterance/staircase", "utterance/policy_scores", "utterance/strip", "utterance/player",
    "utterance/texts", "utterance/moment_tables", "utterance/cursor", "utterance/detail", "sweep/main",
)  # fmt: skip
# Characters of all utterances of a language pair: a browser opens a page of this size in about a second.
MAXIMUM_SIZE = 40_000_000


def write_report(
    folder: Path,
    scored: Sequence[SweepScores] | None = None,
    segments: Mapping[Path, SegmentsOfRun] = MappingProxyType({}),
    maximum_size: int = MAXIMUM_SIZE,
) -> Path:
    """Write report.html into the folder of a finished sweep; return its path.

    scored: the sweeps in that folder, from whoever has computed their scores already; segments: those of
    long recordings, by the path of a run's log. Of very large test sets the page holds the first utterances
    only, and says so. Raises InputError when the folder is no sweep, or its logs cannot be used.
    """
    layout = SweepLayout(Path(folder))
    if scored is None:
        scored = [
            SweepScores(sweep, Resampling(len(sweep.logs[0].utterances)))
            for sweep in read_sweep(layout.folder)
        ]
    pairs = [sweep_data(scores, maximum_size, segments) for scores in scored]
    data = {"name": layout.folder.resolve().name, "pairs": pairs}
    with replaced_file(layout.report) as file:
        file.write_text(page(data), encoding="utf-8")
    return layout.report


def page(data: dict) -> str:
    """The HTML of a sweep's data."""
    style = (PAGE / "style.css").read_text(encoding="utf-8")
    script = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "title": html.escape(data["name"]),
        "style": style,
        # Nothing in the data may end the script element that holds it.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        "script": script,
    }
    text = (PAGE / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        before, _, after = text.partition("{{" + name + "}}")
        text = before + part + after
    return text
