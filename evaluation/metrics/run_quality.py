"""The quality of a run from numbers of each utterance or segment: counted here, or imported."""

from evaluation.logs.imported_scores import imported_scores
from evaluation.logs.run_log import RunLog
from evaluation.metrics.metric_names import RESAMPLED_METRICS
from evaluation.metrics.quality_statistics import MeanStatistics, Statistics, quality_statistics
from foundation.errors import InputError


def quality_of(log: RunLog, metric: str, tokenizer: str) -> Statistics:
    """What scores any resample of a run by a metric; tokenizer is sacreBLEU's for BLEU.

    Raises InputError for a metric that is neither known nor imported.
    """
    if metric in RESAMPLED_METRICS:
        predictions = [one.prediction for one in log.utterances]
        references = [one.reference for one in log.utterances]
        return quality_statistics(metric, predictions, references, tokenizer)
    imported = imported_scores(log)
    if metric not in imported:
        known = ", ".join([*RESAMPLED_METRICS, *imported])
        raise InputError(f"{log.path.parent} has no quality metric {metric!r}: give some of {known}")
    return MeanStatistics(imported[metric])
