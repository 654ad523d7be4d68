"""Text columns of manifests -> the lists of words to which a small model keeps (`models.storage.word_lists`).

    simulst prepare words --manifests A.tsv B.tsv --languages de fr --names-from en --output exported/mini

Put beside a model's weights, words.de.txt lets it write no German word that is not in there. Names stay
what they are in translation: words of the language that is heard which have a capital inside of a sentence
are listed, too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from models.storage.word_lists import LETTERS, composed, word_list_name
from train.data.manifest import read_manifest
from train.prepare.options import WordOptions

DRAWN_OUT = re.compile(r"(.)\1{3}")  # "Aaaah!": four of a letter in a row, as in no word
SENTENCE_ENDS = re.compile(r"[.!?…:\"“”„«»]")


def run(options: WordOptions) -> None:
    """Does what the command says. Raises InputError for a language that no manifest has."""
    rows = [row for path in options.manifests for row in read_manifest(path).rows]
    if options.names_from and not any(options.names_from in row.texts for row in rows):
        raise InputError(
            f"no manifest has text in {options.names_from!r}: correct --names-from or --manifests"
        )
    heard = inside_sentences(composed(row.texts.get(options.names_from or "", "")) for row in rows)
    names = Counter(word for word in heard if word[0].isupper())
    lists = {}
    for language in options.languages:
        texts = [composed(row.texts[language]) for row in rows if language in row.texts]
        if not texts:
            raise InputError(f"no manifest has text in {language!r}: correct --languages or --manifests")
        lists[language] = listed(texts, names, options.at_least)
        if not lists[language]:
            raise InputError(
                f"no word of {language!r} stands {options.at_least} times in the texts: ask for fewer"
                if options.at_least > 1
                else f"the texts in {language!r} have no words: correct --manifests"
            )
    for language, words in lists.items():
        with replaced_file(options.output / word_list_name(language)) as file:
            file.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{options.output}: " + ", ".join(f"{len(words)} words of {name}" for name, words in lists.items()))


def listed(texts: Sequence[str], names: Counter[str], at_least: int) -> list[str]:
    """Sorted words of texts, and names, that occur so often.

    Those that mostly have a capital inside of the texts' sentences are written as most often there. names: of
    other texts, and how often they occur there.
    """
    counts = Counter(word for text in texts for word in LETTERS.findall(text.lower()))
    for name, count in names.items():
        counts[name.lower()] += count
    capitals, small = defaultdict[str, Counter[str]](Counter), Counter[str]()
    for word in inside_sentences(texts):
        if word[0].isupper():
            capitals[word.lower()][word] += 1
        else:
            small[word.lower()] += 1
    return sorted(
        capitals[word].most_common(1)[0][0] if capitals[word].total() > small[word] else word
        for word, count in counts.items()
        if count >= at_least and not DRAWN_OUT.search(word)
    )


def inside_sentences(texts: Iterable[str]) -> Iterator[str]:
    """Words that do not begin a sentence, or a part of one behind a colon or quotation mark."""
    for text in texts:
        for sentence in SENTENCE_ENDS.split(text):
            yield from LETTERS.findall(sentence)[1:]
