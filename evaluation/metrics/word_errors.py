"""Word errors of normalised text: case and punctuation do not count."""

from importlib.metadata import version

import jiwer

from evaluation.metrics.normalized_text import normalize

SIGNATURE = f"norm:nfkc+lower+nopunct|scale:percent|jiwer:{version('jiwer')}"


def count_errors(reference: str, prediction: str) -> tuple[int, int]:
    """Substitutions, deletions and insertions of the alignment with the fewest; and the reference's words."""
    counts = jiwer.process_words([normalize(reference)], [normalize(prediction)])
    errors = counts.substitutions + counts.deletions + counts.insertions
    return errors, counts.hits + counts.substitutions + counts.deletions
