"""What Prometheus reads at /metrics: counts and times, nothing of what is said."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16)
STREAMS = (1, 2, 4, 8, 16, 32, 64, 128)


class Measurements:
    """Of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        made = {"registry": self.registry}
        self.clients = Gauge("simulst_clients", "Clients that are connected.", **made)
        self.streams = Counter("simulst_streams", "Streams that were begun.", **made)
        self.refused = Counter("simulst_refused", "Clients and messages refused.", ["reason"], **made)
        self.audio_s = Counter("simulst_audio_seconds", "Audio that was heard.", **made)
        self.words = Counter("simulst_words", "Words that were written.", **made)
        self.deleted_words = Counter("simulst_deleted_words", "Words of previews that changed.", **made)
        self.delay_s = Histogram(
            "simulst_delay_seconds", "From a chunk's arrival to its answer.", buckets=SECONDS, **made
        )
        self.step_s = Histogram("simulst_step_seconds", "Steps of the engine.", buckets=SECONDS, **made)
        self.step_streams = Histogram(
            "simulst_step_streams", "Streams in a step of the engine.", buckets=STREAMS, **made
        )

    def note_step(self, streams: int, seconds: float) -> None:
        self.step_streams.observe(streams)
        self.step_s.observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)
