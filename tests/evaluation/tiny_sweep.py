"""A sweep in miniature over the sounds and the random Whisper of `tiny_evaluation`."""

from pathlib import Path

from tests.evaluation.tiny_evaluation import write_tiny_evaluation

SYSTEMS = """\
systems:
  wait-k: {agent: waitk, step_ms: 200, knob: k, settings: [1, 2, 4]}
  holdn:
    settings: [{held_tokens: 1}, {held_tokens: 6, chunk_ms: 300}]
"""


def write_tiny_sweep(folder: Path, systems: str = SYSTEMS, **keys: object) -> Path:
    """Write model/, sounds, lists and tiny_sweep.yaml, return the last; `keys` are for all runs."""
    if not (folder / "model").exists():
        write_tiny_evaluation(folder)
    base = {
        "model": folder / "model",
        "source": folder / "source.txt",
        "target": folder / "target.txt",
        "chunk_ms": 200,
        "decode_silence": "true",
        "engine": "batched",
        # One utterance a batch: there are moments between batches to be killed in.
        "audio_at_once_s": 0.1,
        "quality_metrics": "[chrF, BLEU]",
        "latency_metrics": "[LAAL, AL]",
        **keys,
    }
    file = folder / "tiny_sweep.yaml"
    lines = [f"{name}: {value}\n" for name, value in base.items()]
    file.write_text("".join(lines) + systems, encoding="utf-8")
    return file
