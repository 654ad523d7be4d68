"""What is measured: six policies at five settings each, and three ways to encode the audio."""

from dataclasses import dataclass

# One decision a second everywhere but in local agreement, whose knob is the chunk itself.
CHUNK_MS = 1000

# Knob and options of each policy, from early to late writing. AlignAtt's and EDAtt's values are their
# papers'; frames are 20 ms here and were 40 ms there, so AlignAtt goes to twice the paper's 14.
POLICIES: dict[str, list[tuple[str, dict[str, float]]]] = {
    "offline": [("all", {})],
    "waitk": [(f"k={k}", {"k": k, "step_ms": 400}) for k in (1, 3, 5, 7, 9)],
    "holdn": [(f"n={n}", {"held_tokens": n}) for n in (2, 4, 6, 9, 12)],
    "local_agreement": [(f"chunk={ms}", {"chunk_ms": ms}) for ms in (500, 750, 1000, 1500, 2000)],
    "edatt": [(f"alpha={alpha}", {"alpha": alpha}) for alpha in (0.6, 0.4, 0.2, 0.1, 0.05)],
    "alignatt": [(f"f={f}", {"recent_frames": f}) for f in (4, 8, 14, 20, 28)],
}

# Silence behind the audio: none, a little, and what fills the 30 s window that Whisper was trained on.
ENCODINGS = {"unpadded": 0, "5 s": 5000, "window": 30_000}

TINY, BASE = "openai/whisper-tiny.en", "openai/whisper-base"

# Whole curves: every setting of every policy.
CURVES = ((TINY, "5 s"), (BASE, "5 s"))

# What is measured of the other encodings: the middle setting of these policies.
POINTS = {
    (TINY, "unpadded"): ("offline", "holdn", "alignatt"),
    (TINY, "window"): ("offline", "holdn", "alignatt"),
    (BASE, "unpadded"): ("offline",),
    (BASE, "window"): ("offline",),
}


@dataclass(frozen=True)
class Run:
    """One evaluation of 50 segments."""

    model: str
    encoding: str
    policy: str
    knob: str
    options: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        return f"{self.model}/{self.encoding.replace(' ', '')}/{self.policy}-{self.knob}"


def all_runs() -> list[Run]:
    """Single points first, then each curve's ends and middle before the settings between them.

    So a run that is stopped early leaves whole curves of fewer points.
    """
    runs = [
        _run(model, encoding, policy, len(POLICIES[policy]) // 2)
        for (model, encoding), policies in POINTS.items()
        for policy in policies
    ]
    for places in ((0, 4, 2), (1, 3)):
        for model, encoding in CURVES:
            runs += [
                _run(model, encoding, policy, place)
                for place in places
                for policy, settings in POLICIES.items()
                if place < len(settings)
            ]
    return runs


def _run(model: str, encoding: str, policy: str, place: int) -> Run:
    knob, options = POLICIES[policy][place]
    return Run(model, encoding, policy, knob, tuple(options.items()))
