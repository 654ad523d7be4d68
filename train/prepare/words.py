"""Text columns of manifests -> the lists of words to which a small model keeps (`models.storage.word_lists`).

    simulst prepare words --manifests A.tsv B.tsv --languages de fr --names-from en --output exported/mini

Put beside a model's weights, words.de.txt lets it write no German word that is not in there. Names stay
what they are in translation: words of the language that is heard which have a capital inside of a sentence
are listed, too.
"""

import re
from collections import Counter

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from models.storage.word_lists import LETTERS, word_list_name
from train.data.manifest import Row, read_manifest
from train.prepare.options import WordOptions

SENTENCE_ENDS = re.compile(r"[.!?…:\"“”„«»]")


def run(options: WordOptions) -> None:
    """Does what the command says. Raises InputError for a language that no manifest has."""
    rows = [row for path in options.manifests for row in read_manifest(path).rows]
    heard = names(rows, options.names_from) if options.names_from else Counter()
    lists = {}
    for language in options.languages:
        texts = [row.texts[language] for row in rows if language in row.texts]
        if not texts:
            raise InputError(f"no manifest has text in {language!r}: correct --languages or --manifests")
        counts = heard + Counter(word for text in texts for word in LETTERS.findall(text.lower()))
        lists[language] = sorted(word for word, count in counts.items() if count >= options.at_least)
        if not lists[language]:
            raise InputError(
                f"no word of {language!r} stands {options.at_least} times in the texts: ask for fewer"
            )
    for language, words in lists.items():
        with replaced_file(options.output / word_list_name(language)) as file:
            file.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{options.output}: " + ", ".join(f"{len(words)} words of {name}" for name, words in lists.items()))


def names(rows: list[Row], language: str) -> Counter[str]:
    """Words, in lower case, that have a capital inside of a sentence of the language, and how often."""
    found: Counter[str] = Counter()
    for row in rows:
        for sentence in SENTENCE_ENDS.split(row.texts.get(language, "")):
            inside = LETTERS.findall(sentence)[1:]
            found.update(word.lower() for word in inside if word[0].isupper())
    return found
