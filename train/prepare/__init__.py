"""simulst prepare COMMAND ..., or python -m train.prepare ...: everything between raw corpora and training.

Recordings and texts of any corpus become manifests (`train.data.manifest`), tables with an id, perhaps a
clip, and texts by language. Training reads nothing else.

    table          a table of clips, any columns
    mustc          MuST-C, and other talks in its layout: sentences are cut out
    covost2        CoVoST 2 and CVSS on Common Voice
    mls            Multilingual LibriSpeech: transcripts only
    text           parallel texts, line by line or a table, with rules of cleaning
    speak          a manifest of texts -> speech by synthesis: several voices, any engine
    distort        a manifest of clips -> the same with noise, in rooms, over the telephone
    translate      a manifest of clips -> what a model makes of them, in place of the references
    join           short recorded lines -> segments of natural length
    sentencepiece  the vocabulary of a model
    words          the words that a small model may write
    lists          what SimulEval reads, of a manifest: a test set
    encode         a frozen encoder's outputs, so that training need not compute them again

Every command says with --help what it takes. Each but `join`, `sentencepiece`, `words` and `lists`, which
write segments.tsv, a model file and lists, writes a folder:

    manifest.tsv   what training reads (encode: frames.f16 and index.tsv)
    audio/         clips as 16 kHz FLAC, where some were made
    skipped.tsv    every row that could not be used, with the reason; the counts are printed, too
    settings.json  what it was made with (encode: cache.json)

OUTPUT appears when it is complete. Until then its parts are in OUTPUT.unfinished: after an interruption or a
kill the same command continues there, and the result is that of an undisturbed run (`join` and
`sentencepiece`, which take minutes, start again). What is there is never replaced without --overwrite.
`--jobs` is the number of processes; it does not change the result.

For instance, from texts to what a small model trains on:

    simulst prepare text --files en=train.en.gz de=train.de.gz --output texts
    simulst prepare speak --manifest texts/manifest.tsv --language en --voices hibari --output spoken
    simulst prepare sentencepiece --manifests texts/manifest.tsv --languages en de --output my.model
    simulst prepare encode --manifest spoken/manifest.tsv --whisper openai/whisper-tiny.en \\
        --truncations 4 --output cache

Exit status: 0 done, 1 input error (one line says what, where and how to mend it), 2 wrong usage,
130 interrupted, 143 terminated.
"""

import sys
from collections.abc import Sequence

from foundation.commands import dispatch
from train.commands import PREPARE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    more = "The head of train/prepare/__init__.py tells all."
    return dispatch("python -m train.prepare", PREPARE, words, epilog=more)
