"""The commands of this folder, by the names that follow `simulst` or `python -m train.prepare`."""

from foundation.commands import Command

PREPARE = {
    "table": Command(
        "make a manifest of a table of clips",
        "train.prepare_table:run",
        "train.corpus_options:TableOptions",
        continues=True,
    ),
    "mustc": Command(
        "cut MuST-C's talks into clips with a manifest",
        "train.prepare_mustc:run",
        "train.corpus_options:MustcOptions",
        continues=True,
    ),
    "covost2": Command(
        "make a manifest of CoVoST 2 or CVSS",
        "train.prepare_covost2:run",
        "train.corpus_options:CovostOptions",
        continues=True,
    ),
    "mls": Command(
        "make a manifest of Multilingual LibriSpeech",
        "train.prepare_mls:run",
        "train.corpus_options:MlsOptions",
        continues=True,
    ),
    "text": Command(
        "make a manifest of parallel texts",
        "train.prepare_text:run",
        "train.prepare_options:TextOptions",
        continues=True,
    ),
    "speak": Command(
        "speak the texts of a manifest",
        "train.prepare_speak:run",
        "train.prepare_options:SpeakOptions",
        continues=True,
    ),
    "translate": Command(
        "translate the clips of a manifest by a model",
        "train.prepare_translate:run",
        "train.prepare_options:TranslateOptions",
        continues=True,
    ),
    "join": Command(
        "join short recorded lines into segments",
        "train.join_segments:run",
        "train.prepare_options:JoinOptions",
    ),
    "sentencepiece": Command(
        "train the vocabulary of a model, by SentencePiece",
        "train.prepare_sentencepiece:run",
        "train.prepare_options:PieceOptions",
    ),
    "lists": Command(
        "write SimulEval's lists of a manifest",
        "train.prepare_lists:run",
        "train.prepare_options:ListOptions",
    ),
    "encode": Command(
        "store the outputs of a frozen encoder for whole and truncated clips",
        "train.prepare_encode:run",
        "train.prepare_options:EncodeOptions",
        continues=True,
    ),
}

TRAIN = {
    "stage1": Command("train a translator on speech and text", "train.recipe_command:stage1"),
    "stage2": Command("train it on clips that are cut", "train.recipe_command:stage2"),
    "stage3": Command("train a policy network on a frozen translator", "train.recipe_command:stage3"),
    "simulsa_sft": Command("fine-tune an audio-language model", "train.recipe_command:simulsa_sft"),
}

AUGMENT = Command(
    "label truncated clips with as much of their text as the model can tell by then",
    "train.self_augmentation.augment:run",
    "train.augment_options:AugmentOptions",
    continues=True,
)

COMPOSE = Command(
    "compose an audio-language model of an encoder and a language model",
    "train.composition:run",
    "train.composition_options:CompositionOptions",
)

EXPORT = Command(
    "make a model folder of a training run", "train.export_command:run", "train.export_options:ExportOptions"
)
