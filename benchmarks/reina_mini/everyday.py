"""Everyday sentences -> three tables: to learn from, to choose on, to test with; names vary where one learns.

    python -m benchmarks.reina_mini.everyday --table tatoeba.tsv --output data/reina_mini/everyday

The table has the columns en, de and fr, as `collect_texts.py tatoeba` makes it. The test set (`--test`
rows) and the development set (`--development` rows) are the rows with both translations that come first in
the order of a hash of their English, one of each wording: capitals, punctuation, accents and contractions
do not make another sentence. Rows of the same wording as one of these are left out of train.tsv.

One sentence in five of Tatoeba names Tom, which a model then writes for every name that it mishears. Half
of the rows to learn from that name Tom or Mary get another name, the same in all three languages, where the
name stands alike in each.
"""

import argparse
import hashlib
import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from foundation.files.text_lines import write_lines
from train.prepare.text_files import read_table

LANGUAGES = ("en", "de", "fr")
MEN = (
    "Peter Paul Jack Sam Ben Max David Daniel Thomas Martin Robert Oliver Alex Adam Simon Michael George "
    "Henry James John William Richard Frank Walter Leo Oscar Victor Philip Nick Kevin Brian Omar Ali Hassan "
    "Ivan Marco"
).split()
WOMEN = (
    "Anna Emma Julia Laura Sarah Lisa Sophie Maria Eva Helen Alice Emily Jane Kate Lucy Nina Clara Linda "
    "Susan Karen Nancy Rachel Rose Sandra Vera Olivia Diana Martha Ruth Leila Fatima Irina Carla Monica "
    "Paula Amy"
).split()
NAMES = {"Tom": MEN, "Mary": WOMEN}
CONTRACTIONS = (
    ("won't", "will not"), ("can't", "can not"), ("cannot", "can not"), ("n't", " not"), ("'re", " are"),
    ("'m", " am"), ("'ll", " will"), ("'ve", " have"), ("'d", " would"), ("'s", " is"),
)  # fmt: skip
Texts = tuple[str, str, str]


def wording(text: str) -> str:
    """What is alike in sentences that sound alike: letters and digits, contractions written out."""
    plain = unicodedata.normalize("NFKD", text).replace("’", "'").lower()
    for short, long in CONTRACTIONS:
        plain = plain.replace(short, long)
    return "".join(letter for letter in plain if letter.isalnum())


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def other_names(texts: Texts) -> Texts:
    """Half of the texts that name Tom or Mary name somebody else; the English alone decides the draw."""
    draw = random.Random(texts[0])
    for name, others in NAMES.items():
        whole = re.compile(rf"\b{name}\b")
        counts = {len(whole.findall(text)) for text in texts if text}
        other = draw.choice(others)
        if counts != {0} and len(counts) == 1 and draw.random() < 0.5:
            texts = tuple(whole.sub(other, text) for text in texts)
    return texts


def split(rows: Sequence[Texts], test: int, development: int) -> tuple[list[Texts], list[Texts], list[Texts]]:
    """Rows to learn from, to choose on, to test with; those of the first kind are in their order."""
    complete = sorted((row for row in rows if all(row)), key=lambda row: digest(row[0]))
    kept: dict[str, Texts] = {}
    for row in complete:
        kept.setdefault(wording(row[0]), row)
        if len(kept) == test + development:
            break
    held = list(kept.values())
    return [row for row in rows if wording(row[0]) not in kept], held[test:], held[:test]


def write_table(path: Path, rows: Iterable[Texts]) -> None:
    write_lines(path, ["\t".join(LANGUAGES), *("\t".join(row) for row in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--test", type=int, default=1000)
    parser.add_argument("--development", type=int, default=400)
    options = parser.parse_args()
    numbered, _ = read_table(options.table, LANGUAGES)
    rows = [tuple(row[language] for language in LANGUAGES) for _, row in numbered]
    train, development, test = split(rows, options.test, options.development)
    options.output.mkdir(parents=True, exist_ok=True)
    write_table(options.output / "dev.tsv", development)
    write_table(options.output / "test.tsv", test)
    write_table(options.output / "train.tsv", map(other_names, train))
    print(f"{len(train)} texts to learn from, {len(development)} to choose on, {len(test)} to test with")


if __name__ == "__main__":
    main()
