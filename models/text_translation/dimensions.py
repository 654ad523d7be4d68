"""Sizes and kind of a text encoder with a text decoder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TextDimensions:
    """What tells one family of encoder-decoders from another; names are those of `SpeechDimensions`."""

    n_vocab: int
    n_text_ctx: int  # tokens that are written at most, and read at most
    n_text_state: int
    n_text_head: int
    n_text_layer: int
    n_text_inner: int  # width inside the decoder's feed-forward layers
    n_encoder_head: int
    n_encoder_layer: int
    n_encoder_inner: int
    head_width: int
    activation: str  # of feed-forward layers
    is_gated: bool = False  # feed-forward layers multiply by a gate
    normalises_first: bool = (
        True  # before attention and feed-forward layers, and at the end; else behind each
    )
    mean_is_kept: bool = False  # normalisation divides by the root of the mean square, and has no bias
    epsilon: float = 1e-5  # of normalisations
    bias: bool = True  # of linear layers
    embedding_scale: float = 1.0
    interleaved_positions: bool = False  # Marian's sinusoids in place of fairseq's
    relative_buckets: int = 0  # T5's relative positions; 0: sinusoids instead
    relative_distance: int = 128  # beyond, all are alike
    own_source_embedding: bool = False  # encoder and decoder have a table each
    shared_output: bool = True  # the output layer's matrix is the decoder's table
    output_scale: float = 1.0  # of hidden states before it
    has_output_bias: bool = False
