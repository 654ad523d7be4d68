"""What an evaluation file says besides the options of its agent. Names are those of SimulEval's flags."""

import os
from dataclasses import dataclass, replace

from agents.test_set.text_scoring import bleu_tokenizer, check_text_scoring, latency_unit
from evaluation.metrics.latency import LONG_FORM_METRICS, UTTERANCE_DEFAULTS
from evaluation.metrics.metric_names import TOKENIZERS
from foundation.errors import InputError
from foundation.options import check_options, option

ENGINES = ("simuleval", "batched")
ALIGNMENT_TOKENIZERS = ("moses", "none")


@dataclass(frozen=True)
class EvaluationOptions:
    """The test set and its scores. Relative paths start from the current directory, as in SimulEval."""

    source: str = option("", "This file holds the path of one audio file in each line.", is_path=True)
    target: str = option(
        "", "This file holds one reference in each line; with segments, one for each of them.", is_path=True
    )
    segments: str | None = option(
        None,
        "In place of source: this file (YAML or TSV) names long recordings, and their segments by offset and "
        "duration in s; scores are of segments, by OmniSTEval's alignment.",
        is_path=True,
    )
    audio_folder: str | None = option(
        None,
        "Recordings of segments lie in this folder; default: beside the segments, or in ../wav.",
        is_path=True,
    )
    alignment_tokenizer: str | None = option(
        None,
        "For alignment with segments, words are split by Moses' tokenizer of the target language "
        "(OmniSTEval's --lang), or not; default: moses where latency counts words.",
        ALIGNMENT_TOKENIZERS,
    )
    output: str | None = option(
        None, "This folder is made for the results; default: outputs/NAME for NAME.yaml.", is_path=True
    )
    start_index: int = option(0, "Evaluation begins with this sentence, or recording, counted from 0.")
    end_index: int = option(-1, "Evaluation stops before this sentence, or recording; -1 is after the last.")
    quality_metrics: tuple[str, ...] = option(
        ("BLEU", "chrF"), "Quality is measured by these: SimulEval's scorers, chrF, WER_NORM or EMPTY."
    )
    latency_metrics: tuple[str, ...] | None = option(
        None,
        "Latency is measured by these: SimulEval's scorers, or NoSE; with segments LongYAAL, StreamLAAL; "
        "default: AL, LAAL, DAL, or the two.",
    )
    computation_aware: bool | None = option(
        None, "Latency with computation is shown too (columns _CA); default: true for engine simuleval."
    )
    eval_latency_unit: str | None = option(
        None,
        "Latency counts these; default: char for target languages without spaces, else word.",
        # Not spm: SimulEval expects pieces then, but agents write text.
        ("word", "char"),
    )
    no_use_ref_len: bool = option(
        False,
        "SimulEval's latency is divided by the length of the prediction, not of the reference; columns _TC, "
        "sweeps and comparisons know the reference's only.",
    )
    sacrebleu_tokenizer: str | None = option(
        None,
        "BLEU uses this tokenizer; default: zh, ja-mecab or ko-mecab for these languages, else 13a.",
        TOKENIZERS,
    )
    engine: str = option(
        "simuleval",
        "SimulEval plays the audio, or our simulator does, of many sentences and settings at once; both "
        "write the same log.",
        ENGINES,
    )
    streams_at_once: int = option(
        512,
        "Engine batched decodes at most so many sentences times settings together.",
        at_least=1,
        at_most=1_000_000,
    )
    audio_at_once_s: float | None = option(
        None,
        "Engine batched encodes at most so much audio together; more is faster and takes more memory; "
        "default: a quarter of the test set, of large models less, but 120 to 1000.",
        above=0,
    )
    # What these mean: evaluation/simuleval_plugin/nose_scorer.py.
    nose_siblings: tuple[str, ...] = option(
        (), "NoSE's curve also has these result folders, of the same system at other settings.", is_path=True
    )
    nose_offline: str | None = option(
        None, "NoSE needs the result folder of the offline run, or its quality.", is_path=True
    )
    nose_bounds: tuple[float, ...] = option(
        (), "NoSE is taken between these latencies in s; default: first and last point."
    )
    nose_latency: str | None = option(None, "NoSE takes latency from this scorer; default: AL.")
    nose_quality: str | None = option(None, "NoSE takes quality from this scorer; default: BLEU.")

    def __post_init__(self) -> None:
        check_options(self)
        if self.latency_metrics is None:
            usual = LONG_FORM_METRICS if self.segments else UTTERANCE_DEFAULTS
            object.__setattr__(self, "latency_metrics", usual)
        self._check_segments()
        for name in ("source", "target"):
            if not getattr(self, name) and not (self.segments and name == "source"):
                raise InputError(f"{name} is missing: name a text file with one entry in each line")
        for name in ("source", "target", "output", "segments", "audio_folder"):
            if getattr(self, name):
                object.__setattr__(self, name, os.path.expanduser(getattr(self, name)))
        if self.start_index < 0 or self.end_index < -1:
            raise InputError(
                f"start_index {self.start_index} and end_index {self.end_index} must not be negative "
                "(but for an end_index of -1)"
            )
        if -1 < self.end_index <= self.start_index:
            raise InputError(
                f"no sentence lies between start_index {self.start_index} and end_index {self.end_index}: "
                "end_index must be larger"
            )
        if not self.quality_metrics and not self.latency_metrics:
            raise InputError("neither quality_metrics nor latency_metrics are given: name at least one")
        if self.engine == "batched" and self.computation_aware:
            raise InputError(
                "computation_aware needs the engine simuleval: the batched engine computes many sentences "
                "together, so no sentence has a clock of its own"
            )
        if len(self.nose_bounds) not in (0, 2):
            raise InputError(f"nose_bounds must be two latencies, got {len(self.nose_bounds)}")
        if (self.nose_siblings or self.nose_offline) and "NoSE" not in self.latency_metrics:
            raise InputError("runs for NoSE are given, but latency_metrics does not name NoSE")

    def _check_segments(self) -> None:
        """Raises InputError for options that do not go with `segments`, or only with them."""
        if not self.segments:
            for name in ("audio_folder", "alignment_tokenizer"):
                if getattr(self, name) is not None:
                    raise InputError(f"{name} is for long recordings: give segments, or leave it out")
            for metric in self.latency_metrics:
                if metric in LONG_FORM_METRICS:
                    raise InputError(f"latency metric {metric} is of long recordings: give their segments")
            return
        if self.source:
            raise InputError("source and segments both name the audio: leave source out")
        for metric in self.latency_metrics:
            if metric not in LONG_FORM_METRICS:
                raise InputError(
                    f"latency metric {metric} is not of long recordings: with segments give some of "
                    f"{', '.join(LONG_FORM_METRICS)}"
                    + (" (`simulst nose` scores curves of them)" if metric == "NoSE" else "")
                )
        if self.no_use_ref_len:
            raise InputError("no_use_ref_len does not go with segments: OmniSTEval goes by the reference")

    def indices(self, sentences: int) -> range:
        """The sentences, or recordings, to evaluate, of a list of so many.

        Raises InputError when it is too short.
        """
        if max(self.start_index + 1, self.end_index) > sentences:
            what = (
                f"{self.segments} names {sentences} recordings"
                if self.segments
                else (f"{self.source} lists {sentences} sentences")
            )
            raise InputError(
                f"{what}: start_index {self.start_index} or end_index {self.end_index} lies beyond"
            )
        return range(self.start_index, sentences if self.end_index < 0 else self.end_index)

    def for_language(self, target_language: str) -> "EvaluationOptions":
        """The same with the defaults filled in that depend on the target language, and on the engine.

        Raises InputError for a unit, or a tokenizer of BLEU, that does not fit the language.
        """
        unit = self.eval_latency_unit or latency_unit(target_language)
        tokenizer = self.sacrebleu_tokenizer or bleu_tokenizer(target_language)
        check_text_scoring(target_language, unit, tokenizer if "BLEU" in self.quality_metrics else None)
        aware = self.engine == "simuleval" if self.computation_aware is None else self.computation_aware
        split = self.alignment_tokenizer or ("moses" if unit == "word" else "none")
        return replace(
            self,
            computation_aware=aware,
            eval_latency_unit=unit,
            sacrebleu_tokenizer=tokenizer,
            alignment_tokenizer=split if self.segments else None,
        )
