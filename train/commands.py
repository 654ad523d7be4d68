"""The commands of this folder, by the names that follow `simulst` or `python -m train.prepare`."""

from foundation.commands import Command

PREPARE = {
    "table": Command(
        "make a manifest of a table of clips",
        "train.prepare.corpora.table:run",
        "train.prepare.corpora.options:TableOptions",
        continues=True,
    ),
    "mustc": Command(
        "cut MuST-C's talks into clips with a manifest",
        "train.prepare.corpora.mustc:run",
        "train.prepare.corpora.options:MustcOptions",
        continues=True,
    ),
    "covost2": Command(
        "make a manifest of CoVoST 2 or CVSS",
        "train.prepare.corpora.covost2:run",
        "train.prepare.corpora.options:CovostOptions",
        continues=True,
    ),
    "mls": Command(
        "make a manifest of Multilingual LibriSpeech",
        "train.prepare.corpora.mls:run",
        "train.prepare.corpora.options:MlsOptions",
        continues=True,
    ),
    "text": Command(
        "make a manifest of parallel texts",
        "train.prepare.text:run",
        "train.prepare.options:TextOptions",
        continues=True,
    ),
    "speak": Command(
        "speak the texts of a manifest",
        "train.prepare.speak:run",
        "train.prepare.options:SpeakOptions",
        continues=True,
    ),
    "distort": Command(
        "distort the clips of a manifest: noise, rooms, telephones",
        "train.prepare.distort:run",
        "train.prepare.options:DistortOptions",
        continues=True,
    ),
    "translate": Command(
        "translate the clips of a manifest by a model",
        "train.prepare.translate:run",
        "train.prepare.options:TranslateOptions",
        continues=True,
    ),
    "join": Command(
        "join short recorded lines into segments",
        "train.prepare.join:run",
        "train.prepare.options:JoinOptions",
    ),
    "sentencepiece": Command(
        "train the vocabulary of a model, by SentencePiece",
        "train.prepare.sentencepiece:run",
        "train.prepare.options:PieceOptions",
    ),
    "words": Command(
        "list the words that a small model may write",
        "train.prepare.words:run",
        "train.prepare.options:WordOptions",
    ),
    "lists": Command(
        "write SimulEval's lists of a manifest",
        "train.prepare.lists:run",
        "train.prepare.options:ListOptions",
    ),
    "encode": Command(
        "store the outputs of a frozen encoder for whole and truncated clips",
        "train.prepare.encode:run",
        "train.prepare.options:EncodeOptions",
        continues=True,
    ),
}

TRAIN = {
    "stage1": Command("train a translator on speech and text", "train.recipes.command:stage1"),
    "stage2": Command("train it on clips that are cut", "train.recipes.command:stage2"),
    "stage3": Command("train a policy network on a frozen translator", "train.recipes.command:stage3"),
    "simulsa_sft": Command("fine-tune an audio-language model", "train.recipes.command:simulsa_sft"),
}

AUGMENT = Command(
    "label truncated clips with as much of their text as the model can tell by then",
    "train.simulsa_augment.work:run",
    "train.simulsa_augment.options:AugmentOptions",
    continues=True,
)

HEADS = Command(
    "find the attention heads of a model that follow the speech",
    "train.heads.work:run",
    "train.heads.options:HeadsOptions",
)

COMPOSE = Command(
    "compose an audio-language model of an encoder and a language model",
    "train.compose.work:run",
    "train.compose.options:CompositionOptions",
)

EXPORT = Command(
    "make a model folder of a training run", "train.export.command:run", "train.export.options:ExportOptions"
)
