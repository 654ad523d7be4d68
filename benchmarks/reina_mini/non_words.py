"""How many of the words that a model writes are no words? Any run, against the texts that the model learned.

    python -m benchmarks.reina_mini.non_words --language de --run results/everyday_de \\
        --known texts/everyday/manifest.tsv texts/multi30k_train/manifest.tsv texts/wesnoth/manifest.tsv

A word counts as known if a text of the manifests in this language has it, or the run's own reference, in
any case; names in the English texts are known, too. Compounds of two known parts of four letters or more
are words. Prints the share of unknown words in %, and those that occur most. It errs on the side of too
many: a right word that no text has counts as none.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evaluation.logs.run_log import read_run_log
from train.data.manifest import read_manifest

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
JOINTS = ("", "s", "es", "n", "en")  # between the parts of a compound
SHORTEST_PART = 4
SHOWN = 12


def words(text: str) -> list[str]:
    """In lower case, without punctuation and numbers."""
    return [word.lower().replace("’", "'") for word in WORD.findall(text)]


def known_words(manifests: Iterable[Path], language: str) -> set[str]:
    """All words of the language, and English ones that begin with a capital inside of a sentence: names."""
    known: set[str] = set()
    for path in manifests:
        for row in read_manifest(path).rows:
            known.update(words(row.texts.get(language, "")))
            known.update(
                word.lower() for word in WORD.findall(row.texts.get("en", ""))[1:] if word[0].isupper()
            )
    return known


def is_word(word: str, known: set[str]) -> bool:
    """Whether it is known, or all parts that hyphens and apostrophes join, or both halves of a compound."""
    if word in known:
        return True
    parts = [part for part in re.split(r"['-]", word) if part]
    if len(parts) > 1:
        return all(is_word(part, known) for part in parts)
    places = range(SHORTEST_PART, len(word) - SHORTEST_PART + 1)
    firsts = [word[:place] for place in places if word[place:] in known]
    return any(
        first.endswith(joint) and first.removesuffix(joint) in known for first in firsts for joint in JOINTS
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--language", required=True)
    parser.add_argument("--run", type=Path, nargs="+", required=True)
    parser.add_argument("--known", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    known = known_words(options.known, options.language)
    for run in options.run:
        utterances = read_run_log(run).utterances
        of_run = known | {word for one in utterances for word in words(one.reference)}
        written = [word for one in utterances for word in words(one.prediction)]
        unknown = Counter(word for word in written if not is_word(word, of_run))
        share = 100 * unknown.total() / max(len(written), 1)
        most = ", ".join(word for word, _ in unknown.most_common(SHOWN))
        print(f"{run}: {share:.2f}% of {len(written)} words are none: {most}")


if __name__ == "__main__":
    main()
