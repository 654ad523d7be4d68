"""Recordings in containers that libsndfile does not know, made by PyAV."""

from pathlib import Path

import av
import numpy as np


def write_recording(path: Path, samples: np.ndarray, rate: int, codec: str = "aac") -> Path:
    """samples (S,) float32, in the container that the suffix says. Returns path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


def write_silent_film(path: Path) -> Path:
    """A film of five frames without a sound track. Returns path."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        picture = np.zeros((64, 64, 3), np.uint8)
        for _ in range(5):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path
