"""Self-augmentation: clips cut at random, with as much of their text as can be told by then.

    python -m train.simulsa_augment --model MODEL --manifest spoken/manifest.tsv --targets de fr \\
        --ratio 0.01 --output augmented
    python -m train.simulsa_augment ... --device cuda --jobs 8     on several GPUs: the same result

A large audio-language model that only ever heard whole clips goes on beyond what it has heard. Trained on
about 1% of such pairs beside its data (`train.simulsa_sft`), it stops there (SimulSA, arXiv 2509.15692). A
sampled clip is cut (`train.simulsa_augment.truncation`); the model that is to be trained goes over the text
once, teacher forced, and the text ends before the first token whose probability is below factor / V.

Others may label the same cuts for that model (`--labels-from`): another model of any kind by the same rule
(`train.simulsa_augment.speculation`), or the words of the reference that are spoken before the cut
(`train.simulsa_augment.reference`), for which a model's attention is asked: of a model without alignment
heads `simulst heads` finds them. Their labels are beginnings of the reference, in whatever tokens.

OUTPUT holds

    manifest.tsv        the cut clips (column heard_ms) with the labels as texts, for `train.simulsa_sft`
    labels.tsv          every label: kept and cut text, tokens of the model that is to be trained, the
                        probability that ended it (of --labels-from reference none)
    statistics.json     how much was heard and kept
    distributions.png   the same, as a picture with examples
    skipped.tsv         sampled clips that could not be used, with the reason
    settings.json       what it was made with

OUTPUT appears when it is complete; after an interruption or a kill the same command goes on, with any number
of processes, and gives what an undisturbed run gives. Which clips are taken and where each is cut depends on
the seed and the row's id only; more clips include those of fewer.

Exit status: that of `foundation.commands`.
"""

import sys
from collections.abc import Sequence

from foundation.commands import run_command
from train.commands import AUGMENT


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m train.simulsa_augment`: run the command, return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    return run_command("python -m train.simulsa_augment", AUGMENT, words)
