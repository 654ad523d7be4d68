"""Sizes of a Canary network."""

from dataclasses import dataclass

from models.whisper.network import SpeechDimensions


@dataclass(frozen=True)
class CanaryDimensions(SpeechDimensions):
    """Sizes of a FastConformer encoder and a Transformer decoder.

    n_audio_ctx counts memory frames that may be heard together; encoder and decoder are equally wide.
    """

    n_audio_inner: int  # width inside the encoder's feed-forward layers
    n_audio_channels: int  # of the convolutions in front of it
    halvings: int  # of the frame rate: 3 of 10 ms make 80 ms
    audio_kernel: int  # frames that a convolution module sees
    n_text_inner: int  # width inside the decoder's feed-forward layers
    audio_bias: bool = True  # of the encoder's linear layers
    convolution_bias: bool = True  # of its convolution modules
    scales_audio: bool = False  # what the encoder's blocks read is multiplied by the root of its width
    text_bias: bool = True  # of the decoder's attention
    shared_output: bool = True  # the output layer's matrix is the token embedding
