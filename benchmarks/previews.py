"""How often grey words change, and what they cost: previews of all policies on the shipped captions.

    python -m benchmarks.previews [--audio FOLDER] [--agent AGENT.yaml]

Every policy that the model runs plays each clip once with previews and once without; what it writes is the
same (or the benchmark fails). Normalised erasure is the words deleted for each word of the final text
(Arivazhagan et al. 2020); `ahead` how many words are shown grey behind the written text on average, and
`time` the processor time of the engine's steps with previews for that without.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from agents.configuration.agent_configuration import configure_agent
from agents.configuration.agent_engine import load_engine
from agents.engine import StreamingEngine
from agents.policy import Policy
from evaluation.table import text_table
from foundation.command_end import exit_status
from foundation.command_line import parse
from foundation.files.yaml_files import read_yaml
from foundation.options import check_options, option
from models.languages import LanguagePair
from serve.simulstream_options import SimulstreamOptions
from serve.web.policy_catalog import policy_catalog
from serve.web.shown_text import ShownText, unwritten_text

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class PreviewOptions:
    """What is measured."""

    agent: Path = option(
        ROOT / "benchmarks" / "serving" / "agents" / "reina-mini.yaml", "The file of a speech processor."
    )
    audio: Path = option(
        ROOT / "eval_configs" / "quickstart_de" / "audio", "Clips are the FLAC files in this folder."
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class Played:
    """One clip under one policy."""

    shown: ShownText
    ahead: list[int]  # words shown grey after each chunk
    processor_s: float


def play(
    engine: StreamingEngine,
    policy: Policy,
    languages: LanguagePair,
    clip: Path,
    chunk_ms: int,
    previews: bool,
) -> Played:
    """Hear a clip chunk by chunk, and show what is written and, if wanted, what may come."""
    samples, rate = soundfile.read(clip, dtype="float32")
    size = rate * chunk_ms // 1000
    stream = engine.open_stream(policy, languages)
    stream.previews = previews
    shown, ahead, used_s = ShownText(), [], 0.0
    for start in range(0, len(samples), size):
        ends = start + size >= len(samples)
        stream.audio.append(samples[start : start + size], rate, ends)
        began_s = time.process_time()
        [decision] = engine.step([stream])
        used_s += time.process_time() - began_s
        if decision.error is not None:
            raise decision.error
        preview = unwritten_text(stream, engine.translator.tokenizer) if previews and not ends else ""
        shown.write(decision.text, preview)
        ahead.append(len(shown.preview.split()))
    return Played(shown, ahead, used_s)


def run(options: PreviewOptions) -> None:
    """Print the table."""
    configuration, _ = configure_agent(read_yaml(options.agent), options.agent, others=(SimulstreamOptions,))
    engine, agent = load_engine(configuration), configuration.agent_options
    clips = sorted(options.audio.glob("*.flac"))
    catalog = policy_catalog(engine.translator, agent.model, configuration.agent, configuration.policy)
    rows = []
    for name, policy in catalog.policies.items():
        if policy.hears_whole:
            continue
        played = {
            previews: [
                play(engine, policy, configuration.languages, clip, agent.chunk_ms, previews)
                for clip in clips
            ]
            for previews in (False, True)
        }
        for clip, without, shown in zip(clips, played[False], played[True], strict=True):
            if without.shown.final_text != shown.shown.final_text:
                raise RuntimeError(f"{name} writes another text of {clip} where a preview is shown")
        words = sum(len(one.shown.final_text.split()) for one in played[True])
        ahead = [count for one in played[True] for count in one.ahead]
        used_s = {previews: sum(one.processor_s for one in of) for previews, of in played.items()}
        rows.append(
            {
                "policy": name,
                "words": words,
                "normalised_erasure": round(sum(one.shown.deleted_words for one in played[True]) / words, 2),
                "ahead": round(sum(ahead) / len(ahead), 1),
                "time": round(used_s[True] / used_s[False], 2),
            }
        )
    print(text_table(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    program = "python -m benchmarks.previews"
    return exit_status(lambda: run(parse(PreviewOptions, program, "Previews of all policies.", words)))


if __name__ == "__main__":
    sys.exit(main())
