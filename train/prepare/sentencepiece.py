"""Text columns of manifests -> the pieces of a model's vocabulary.

    simulst prepare sentencepiece --manifests A.tsv B.tsv --languages en de fr --output mini.model

Language tags are not in the file: `models.reina.sentencepiece_tokenizer` sets them behind its pieces. Ids:
0 is unknown, 1 the end of a sequence. Prints how many pieces a word of each language takes: many for a
language that was rare.
"""

import io

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

from foundation.errors import InputError
from foundation.files.whole_folder import replaced_file
from train.data.manifest import read_manifest
from train.prepare.options import PieceOptions


def run(options: PieceOptions) -> None:
    texts = read_texts(options)
    model = train_pieces([text for column in texts.values() for text in column], options)
    with replaced_file(options.output) as file:
        file.write_bytes(model)
    pieces = SentencePieceProcessor(model_proto=model)
    rates = []
    for language, column in texts.items():
        words = sum(len(text.split()) for text in column)
        rates.append(f"{language} {sum(map(len, pieces.encode(column))) / words:.2f}")
    print(f"{options.output}: {len(pieces)} pieces; pieces a word: {', '.join(rates)}")


def read_texts(options: PieceOptions) -> dict[str, list[str]]:
    """All texts by language. Raises InputError for a language that no manifest has."""
    texts: dict[str, list[str]] = {language: [] for language in options.languages}
    for path in options.manifests:
        for row in read_manifest(path).rows:
            for language, text in row.texts.items():
                if language in texts:
                    texts[language].append(text)
    for language, column in texts.items():
        if not column:
            raise InputError(f"no manifest has text in {language!r}: correct --languages or --manifests")
    return texts


def train_pieces(texts: list[str], options: PieceOptions) -> bytes:
    """The model file. Raises InputError when the texts are too few for the vocabulary."""
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=model,
            vocab_size=options.vocabulary,
            model_type=options.kind,
            character_coverage=options.coverage,
            byte_fallback=options.byte_fallback,
            **{"unk_id": 0, "eos_id": 1, "bos_id": -1, "pad_id": -1},
            shuffle_input_sentence=False,  # so that the result depends on nothing but the texts
            num_threads=options.jobs,
            minloglevel=1,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[0].split("] ")[-1]  # without the place in its source code
        count = f"{options.vocabulary} pieces cannot be made of {len(texts)} texts"
        raise InputError(f"{count}: {reason}") from None
    return model.getvalue()
