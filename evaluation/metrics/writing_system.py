"""Which texts are written without spaces between words: told by their characters.

A log says nothing of its language. Its references do, as far as its scores go: text of these scripts has
no words that could be found by spaces, neither for BLEU nor for latency.
"""

import re
from collections.abc import Sequence

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
KANA = "\u3040-\u30ff"
OTHERS = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Myanmar, Khmer
)
SPACELESS = re.compile(f"[{HAN}{KANA}{OTHERS}]")
# Chinese text hardly ever has any; of Japanese it is about half.
KANA_SHARE = 0.1


def spaceless_tokenizer(texts: Sequence[str]) -> str | None:
    """sacreBLEU's tokenizer for texts without spaces between words; None for texts with spaces.

    It is by the script in which more than half of the letters are: zh, ja-mecab, or char for the others.
    """
    letters = [letter for text in texts for letter in text if letter.isalpha()]
    spaceless = "".join(letter for letter in letters if SPACELESS.match(letter))
    if 2 * len(spaceless) <= len(letters):
        return None
    if len(re.findall(f"[{KANA}]", spaceless)) > KANA_SHARE * len(spaceless):
        return "ja-mecab"
    return "zh" if 2 * len(re.findall(f"[{HAN}]", spaceless)) > len(spaceless) else "char"
