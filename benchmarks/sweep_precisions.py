"""What other number formats cost and alter in a sweep: processor time, texts that differ, and BLEU."""

from collections.abc import Sequence

import sacrebleu

from agents.test_set.text_scoring import bleu_tokenizer
from benchmarks.sweep_profile import Measured, measure
from evaluation.configuration.evaluation_file import Configuration, configure
from evaluation.configuration.test_set_files import references
from evaluation.run.batched_run import BatchedRun
from evaluation.table import Row


def measure_precision(
    configurations: Sequence[Configuration], precision: str, indices: Sequence[int]
) -> Measured:
    """The utterances `indices` simulated together, by models in that precision."""
    changed = [configure({**one.values(), "precision": precision}, "the sweep") for one in configurations]
    run = BatchedRun(tuple(changed))
    return measure(run.load(), run.sources(indices), run.first.evaluation.streams_at_once, counted=False)


def precision_rows(
    runs: dict[str, Measured], configurations: Sequence[Configuration], indices: Sequence[int]
) -> list[Row]:
    """A row for each precision; the first is what the others are compared with."""
    texts = {precision: _predictions(run, configurations) for precision, run in runs.items()}
    first = next(iter(texts.values()))
    return [
        {
            "precision": precision,
            "cpu_s": run.cpu_s,
            "core_gflop_per_s": run.rate / 1e9,
            "texts": sum(map(len, first)),
            "different": sum(
                one != other
                for own, others in zip(texts[precision], first, strict=True)
                for one, other in zip(own, others, strict=True)
            ),
            "mean_BLEU": _mean_bleu(texts[precision], configurations, indices),
        }
        for precision, run in runs.items()
    ]


def _predictions(run: Measured, configurations: Sequence[Configuration]) -> list[list[str]]:
    """Of each setting the text of each utterance."""
    return [
        [of_source[number].prediction(one.evaluation.eval_latency_unit) for of_source in run.transcripts]
        for number, one in enumerate(configurations)
    ]


def _mean_bleu(
    texts: Sequence[Sequence[str]], configurations: Sequence[Configuration], indices: Sequence[int]
) -> float:
    """Over the settings."""
    total = 0.0
    for written, one in zip(texts, configurations, strict=True):
        targets = references(one.evaluation)
        tokenizer = bleu_tokenizer(one.agent_options.target_language)
        score = sacrebleu.corpus_bleu(written, [[targets[index] for index in indices]], tokenize=tokenizer)
        total += score.score
    return total / len(texts)
