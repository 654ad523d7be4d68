"""Floating-point operations of layers, by their sizes: what a model costs, before anybody has its weights.

A multiplication and an addition are two operations. What is no product (norms, softmax, features) is small
beside them, and left out.

Sizes: width of a layer, inner width of its feed-forward part, kernel of a convolution.
"""

# A kernel of 3 x 3, as all convolutions over time and frequency here have.
SQUARE = 9


def linear(positions: int, inputs: int, outputs: int) -> int:
    """Of a linear layer, or of a convolution of kernel 1."""
    return 2 * positions * inputs * outputs


def attention(queries: int, keys: int, width: int) -> int:
    """Queries by keys, and weights by values, in all heads together, without projections."""
    return 4 * queries * keys * width


def transformer(positions: int, seen: int, width: int, inner: int, layers: int) -> int:
    """Layers of Whisper's kind, whose positions attend to `seen` each."""
    projections = 4 * linear(positions, width, width)
    feed_forward = 2 * linear(positions, width, inner)
    return layers * (projections + feed_forward + attention(positions, seen, width))


def whisper_convolutions(frames: int, mel_bins: int, width: int) -> int:
    """Both of Whisper's, the second of which halves the frame rate."""
    return linear(frames, 3 * mel_bins, width) + linear(-(-frames // 2), 3 * width, width)


def separable_subsampling(frames: int, mel_bins: int, channels: int, width: int) -> int:
    """A full convolution, two separable ones, each of which halves time and frequency, and a linear layer."""
    work, places = 0, 0
    for halving in range(3):
        frames, mel_bins = -(-frames // 2), -(-mel_bins // 2)
        places = frames * mel_bins
        work += linear(places, SQUARE, channels)  # of one channel each
        work += linear(places, channels, channels) if halving else 0
    return work + linear(frames, channels * mel_bins, width)
