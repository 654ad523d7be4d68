"""Whether an audio file holds all the audio that its header, or its container, announces.

A copy or download that was cut off still opens: the library reads on to where the file ends and says
nothing. What the header announces is in the library's own log of what it parsed, as in
`data : 96000 (should be 47978)`; an Ogg file says at the end of its last page that it is the last.
Compressed files whose header counts samples (MP3, FLAC) are found out when their samples are counted.
"""

import re
from pathlib import Path

# What the library calls the part that holds the samples, by format.
SAMPLES = {
    **dict.fromkeys(("WAV", "WAVEX"), "data"),
    **dict.fromkeys(("W64",), "riff"),
    **dict.fromkeys(("RF64",), "Riff size"),
    "AIFF": "SSND",
    "AU": "Data Size",
}
# Programs that write to a pipe cannot know the length, and write 0xFFFFFFFF or nearly the largest signed one.
STREAMED = 0x7FFF_F000
LONGEST_OGG_PAGE = 27 + 255 + 255 * 255
LAST_PAGE = 0x04  # a flag of an Ogg page


def what_is_cut_off(path: str | Path, audio_format: str, log: str) -> str | None:
    """What lacks at the end of a file, in words; None if all is there, or the header does not say.

    audio_format, log: what libsndfile says of the file.
    """
    if audio_format == "OGG":
        return _ogg_end(Path(path))
    part = SAMPLES.get(audio_format)
    if part is None:
        return None
    for name, said, found in re.findall(r"^ *([\w ]+?) *: (0x[0-9A-F]+|\d+) \(should be (\d+)\)", log, re.M):
        announced = int(said, 0)
        if name == part and int(found) < announced < STREAMED:
            return f"its header announces {announced} bytes of audio, {found} are there"
    return None


def _ogg_end(path: Path) -> str | None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - LONGEST_OGG_PAGE - 1))
        end = file.read()
    page = end[max(0, end.rfind(b"OggS")) :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    whole = len(page) > 26 and len(segments) == page[26] and len(page) >= 27 + len(segments) + sum(segments)
    if whole and page[5] & LAST_PAGE:
        return None
    return "its last page is not marked as the last" if whole else "its last page is incomplete"
