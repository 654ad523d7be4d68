"""Names that options offer: what sacreBLEU and our bootstrap know, without importing either."""

# By which runs are compared: those whose scores come from statistics of single sentences.
QUALITY_METRICS = ("BLEU", "chrF")

# sacreBLEU's for BLEU.
TOKENIZERS = (
    *("none", "zh", "13a", "intl", "char", "ja-mecab", "ko-mecab"),
    *("spm", "flores101", "flores200", "spBLEU-1K"),
)

# Of `simulst nose`: what evaluation.table can write.
TABLE_FORMATS = ("table", "markdown", "latex")
