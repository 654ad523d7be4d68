"""Labels from the reference alone: its words up to the first whose source is spoken behind the cut.

What the model knows of them by then is not asked: an upper bound of honest labels, as good as the alignment.
"""

from collections.abc import Sequence

from models.translator import Translator
from train.prepare.skipped import Skipped
from train.simulsa_augment.labels import HeardText, Label
from train.simulsa_augment.prefixes import TextTokens, label_up_to
from train.simulsa_augment.source_times import SpokenWord, UnalignedText, source_times


def end_of_heard(words: Sequence[SpokenWord], heard_ms: float) -> int:
    """Where the text ends before its first word that is spoken behind the cut.

    What has no time, such as a dash, goes with the word before it, or with the first.
    """
    end, spoken = 0, False
    for word in words:
        if word.spoken_ms is not None and word.spoken_ms > heard_ms:
            break
        spoken = spoken or word.spoken_ms is not None
        end = word.end if spoken else 0
    return end


class ReferenceLabels:
    """The words of the reference that are spoken before the cut."""

    threshold = None

    def __init__(
        self, trained: TextTokens, aligner: Translator, weights: str, source: str, targets: Sequence[str]
    ) -> None:
        """aligner: its attention says when words are spoken; weights: where they were read.

        Raises InputError for languages that it cannot do.
        """
        for target in targets:
            aligner.tokenizer.prompt(source, target)
        self._trained = trained
        self._aligner = aligner
        self._source = source
        self.weights = weights

    def label(self, texts: Sequence[HeardText]) -> list[Label | Skipped]:
        return [self._label(text) for text in texts]

    def _label(self, text: HeardText) -> Label | Skipped:
        speculation = text.speculation
        try:
            words = source_times(
                self._aligner, text.whole, self._source, speculation.target, speculation.text
            )
        except UnalignedText as fault:
            return Skipped(speculation.clip.row.id, *fault.args)
        end = end_of_heard(words, speculation.clip.heard_ms)
        return label_up_to(self._trained, speculation, end, doubt=None)
