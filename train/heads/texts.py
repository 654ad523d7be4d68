"""What the heads of a model attended to while it read the texts of clips that it heard.

Shapes: N tokens, T memory frames.
"""

from collections.abc import Sequence

import numpy as np

from foundation.errors import InputError
from models.sound.audio import SAMPLE_RATE, read_audio
from models.translator import Memory, Translator
from train.data.manifest import Row
from train.heads.ranking import HeardText
from train.prepare.skipped import Skipped

WORD_ENDS = "word_ends_ms"


def read_text(
    translator: Translator, row: Row, prompt: Sequence[int], target: str, timed: bool
) -> HeardText | Skipped:
    """What one clip shows, or why it shows nothing.

    timed: times of words in the row are those of its text. Raises InputError for times that do not fit it.
    """
    if target not in row.texts or row.audio is None:
        return Skipped(row.id, "no audio" if row.audio is None else f"no text in {target}")
    try:
        waveform = read_audio(row.audio)[: row.heard_samples]
    except InputError as error:
        return Skipped(row.id, "unusable audio", str(error))
    seconds, longest_ms = len(waveform) / SAMPLE_RATE, translator.maximum_audio_ms
    if longest_ms is not None and 1000 * seconds > longest_ms:
        return Skipped(row.id, "longer than the model's window", f"{seconds:.2f} s")
    tokenizer = translator.tokenizer
    tokens = tokenizer.encode_sentence(row.texts[target])
    if len(prompt) + len(tokens) > translator.maximum_tokens:
        return Skipped(row.id, "text longer than the decoder", f"{len(tokens)} tokens")
    memory = translator.encode([waveform])
    frames = int(memory.heard_frames[0])
    if not 2 <= len(tokens) <= frames:
        return Skipped(row.id, "fewer frames than tokens, or a single token", f"{len(tokens)} tokens")
    # The place of a token is the one before it, which predicts it.
    attention = translator.read_each_head(memory, [*prompt, *tokens[:-1]], len(tokens))
    texts = [tokenizer.decode(tokens[: end + 1]) for end in range(len(tokens))]
    return HeardText(
        attention[..., :frames].float().cpu().numpy(),
        float(memory.end_ms[0, 0]),
        _word_spans(row, row.texts[target], texts, memory) if timed else None,
    )


def _word_spans(row: Row, text: str, texts: Sequence[str], memory: Memory) -> np.ndarray | None:
    """(N, 2): first and last frame of the word of each token; None where the row has no times."""
    if WORD_ENDS not in row.notes:
        return None
    ends_ms, words = row.notes[WORD_ENDS].split(), len(text.split())
    numbers = [float(end) for end in ends_ms if end.replace(".", "", 1).isdecimal()]
    if len(numbers) != len(ends_ms) or len(numbers) != words or numbers != sorted(numbers):
        raise InputError(
            f"row {row.id}: {WORD_ENDS} must give a rising number for each of the {words} words, found "
            f"{row.notes[WORD_ENDS]!r:.60}: mend the row, or leave the field empty"
        )
    frames = memory.end_ms[0, : int(memory.heard_frames[0])].cpu().numpy()
    # The word that a token ends in; a sign of its own belongs to the word before.
    word = [max(0, len(text.split()) - 1) for text in texts]
    last = np.searchsorted(frames, np.array(numbers)).clip(max=len(frames) - 1)
    first = np.concatenate([[0], last[:-1]])
    return np.stack([first[word], last[word]], -1)
