"""simulst evaluate CONFIG.yaml [--output DIR] [--overwrite] [--jobs N] [--KEY VALUE ...]
simulst evaluate --rescore DIR [--quality-metrics NAME ...] [--latency-metrics NAME ...]

What is done, and what it leaves, is told in evaluation/run/evaluate.py and evaluation/run/rescore.py.
"""

from collections.abc import Mapping, Sequence

from evaluation.commands.evaluate_arguments import EvaluateArguments
from evaluation.configuration.evaluation_file import load_configuration
from evaluation.configuration.test_set_files import check_files_exist
from foundation.commands import load


def run(options: EvaluateArguments, keys: Mapping[str, Sequence[str]]) -> None:
    """`simulst evaluate`. keys: the words behind each flag that replaces a key of the file.

    Scorers and engines are loaded once keys and files were found to be good: they bring pandas and torch.
    """
    if options.rescore is not None:
        configuration, scores = load("evaluation.run.rescore:rescore")(options.rescore, keys)
    else:
        overrides = dict(keys) if options.output is None else {**keys, "output": [options.output]}
        configuration = load_configuration(options.configuration, overrides)
        check_files_exist([configuration.evaluation])
        evaluate = load("evaluation.run.evaluate:evaluate")
        scores = evaluate(configuration, options.overwrite, options.jobs)
    load("evaluation.run.evaluate:show")(configuration, scores)
