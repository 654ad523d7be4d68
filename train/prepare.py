"""python -m train.prepare COMMAND ...: everything between raw corpora and training.

Recordings and texts of any corpus become manifests (`train.manifest`), tables with an id, perhaps a clip, and
texts by language. Training reads nothing else.

    table          a table of clips, any columns
    mustc          MuST-C, and other talks in its layout: sentences are cut out
    covost2        CoVoST 2 and CVSS on Common Voice
    mls            Multilingual LibriSpeech: transcripts only
    text           parallel texts, line by line or a table, with rules of cleaning
    speak          a manifest of texts -> speech by synthesis: several voices, any engine
    translate      a manifest of clips -> what a model makes of them, in place of the references
    join           short recorded lines -> segments of natural length
    sentencepiece  the vocabulary of a model
    lists          what SimulEval reads, of a manifest: a test set
    encode         a frozen encoder's outputs, so that training need not compute them again

Every command says with --help what it takes. Each but `join`, `sentencepiece` and `lists`, which write
segments.tsv, a model file and lists, writes a folder:

    manifest.tsv   what training reads (encode: frames.f16 and index.tsv)
    audio/         clips as 16 kHz FLAC, where some were made
    skipped.tsv    every row that could not be used, with the reason; the counts are printed, too
    settings.json  what it was made with (encode: cache.json)

OUTPUT appears when it is complete. Until then its parts are in OUTPUT.unfinished: after an interruption or a
kill the same command continues there, and the result is that of an undisturbed run (`join` and
`sentencepiece`, which take minutes, start again). What is there is never replaced without --overwrite.
`--jobs` is the number of processes, or with --executor slurm (speak, encode, translate) of jobs of a cluster;
it does not change the result.

For instance, from texts to what a small model trains on:

    python -m train.prepare text --files en=train.en.gz de=train.de.gz --output texts
    python -m train.prepare speak --manifest texts/manifest.tsv --language en --voices hibari --output spoken
    python -m train.prepare sentencepiece --manifests texts/manifest.tsv --languages en de --output my.model
    python -m train.prepare encode --manifest spoken/manifest.tsv --whisper openai/whisper-tiny.en \\
        --truncations 4 --output cache

Exit status: 0 done, 1 input error (one line says what, where and how to mend it), 2 wrong usage,
130 interrupted, 143 terminated.
"""

import importlib
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from foundation.command_end import exit_status

COMMANDS = {
    "table": ("train.prepare_table", "a table of clips -> manifest"),
    "mustc": ("train.prepare_mustc", "MuST-C -> clips and manifest"),
    "covost2": ("train.prepare_covost2", "CoVoST 2 or CVSS -> manifest"),
    "mls": ("train.prepare_mls", "Multilingual LibriSpeech -> manifest"),
    "text": ("train.prepare_text", "parallel texts -> manifest without audio"),
    "speak": ("train.prepare_speak", "manifest without audio -> synthetic speech"),
    "translate": ("train.prepare_translate", "manifest of clips and model -> its translations"),
    "join": ("train.join_segments", "short recorded lines -> segments"),
    "sentencepiece": ("train.prepare_sentencepiece", "manifests -> vocabulary"),
    "lists": ("train.prepare_lists", "manifest -> SimulEval's lists of a test set"),
    "encode": ("train.prepare_encode", "manifest and encoder -> stored encoder outputs"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"give one of {', '.join(COMMANDS)}"
        print(f"error: there is no command {name!r}: {hint}", file=sys.stderr)
        return 2
    # Imported only now: torch takes seconds, and --help needs none of it.
    module = importlib.import_module(COMMANDS[name][0])
    return exit_status(partial(module.main, rest), "interrupted: the same command continues")


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    end = "python -m train.prepare COMMAND --help tells more, and the head of train/prepare.py tells all."
    return "\n".join(["usage: python -m train.prepare COMMAND ...", "", *lines, "", end])


if __name__ == "__main__":
    sys.exit(main())
