"""Names that options offer: what sacreBLEU and our bootstrap know, without importing either."""

# By which runs are compared, and curves drawn: more is better.
QUALITY_METRICS = ("BLEU", "chrF")
WORD_ERRORS = "WER_NORM"
# Those whose scores come from statistics of single sentences, so that they have intervals.
RESAMPLED_METRICS = (*QUALITY_METRICS, WORD_ERRORS)

# sacreBLEU's for BLEU.
TOKENIZERS = (
    *("none", "zh", "13a", "intl", "char", "ja-mecab", "ko-mecab"),
    *("spm", "flores101", "flores200", "spBLEU-1K"),
)

# Of `simulst nose`: what evaluation.table can write.
TABLE_FORMATS = ("table", "markdown", "latex")
