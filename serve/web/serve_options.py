"""Where a server listens, and what its clients may take."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from foundation.errors import InputError
from foundation.options import check_options, option


@dataclass(frozen=True)
class ServeOptions:
    """One server."""

    host: str = option("127.0.0.1", "Listen at this address; 0.0.0.0 is all of the machine.")
    port: int = option(8080, "Listen at this port; 0 is any that is free.", at_least=0, at_most=65_535)
    streams_at_once: int = option(
        32, "A step of the engine takes so many streams; the others go first in the next.", at_least=1
    )
    workers: int | None = option(
        None,
        "So many threads take steps at once, and share the cores; default: 2 on a processor, where the model "
        "allows it, else 1.",
        at_least=1,
        at_most=256,
    )
    clients: int = option(64, "So many clients may be connected; more are refused.", at_least=1)
    clients_per_address: int = option(16, "So many of them may have the same address.", at_least=1)
    message_bytes: int = option(2**20, "A message may be so long.", at_least=1024, at_most=2**30)
    messages_per_second: float = option(
        500.0, "Messages of one client are read at this pace, after a burst of as many.", at_least=1
    )
    bad_messages: int = option(20, "A client of which more cannot be used is sent away.", at_least=0)
    buffered_audio_s: float = option(
        30.0, "So much audio of a client may wait; the rest stays with it, and none is dropped.", at_least=1
    )
    idle_s: float = option(
        60.0, "A client of which nothing came for so long is sent away.", above=0, at_most=86_400
    )
    slow_reader_s: float = option(
        20.0, "A client that reads no answer for so long is sent away.", above=0, at_most=3600
    )
    token_file: Path | None = option(
        None, "Clients must know the token in this file, but for the page; default: none is needed."
    )
    origins: tuple[str, ...] = option(
        (), "Pages of these origins, such as https://a.org, may connect, too.", metavar="ORIGIN"
    )
    tls_certificate: Path | None = option(
        None, "Serve https by this certificate (PEM); browsers give no microphone to http from elsewhere."
    )
    tls_key: Path | None = option(None, "The private key of the certificate, where that does not hold it.")
    session_log: Path | None = option(
        None, "Write what is said in sessions into this file (JSON lines); default: it is kept nowhere."
    )

    def __post_init__(self) -> None:
        check_options(self)
        if not self.host.strip():
            raise InputError("--host is empty: give 127.0.0.1, or 0.0.0.0 for all addresses of this machine")
        for name in ("token_file", "tls_certificate", "tls_key"):
            path = getattr(self, name)
            if path is not None and not path.is_file():
                raise InputError(f"--{name.replace('_', '-')} {path} does not exist, or is no file")
        if self.token_file is not None and not self.token():
            raise InputError(f"--token-file {self.token_file} is empty: write a token into it")
        for origin in self.origins:
            if not _is_origin(origin):
                raise InputError(
                    f"--origins {origin} is no origin: give it like https://a.org, without a path"
                )
        if self.tls_key is not None and self.tls_certificate is None:
            raise InputError("--tls-key goes with --tls-certificate: give both")

    def token(self) -> str | None:
        """What clients must know."""
        if self.token_file is None:
            return None
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise InputError(f"--token-file {self.token_file} is no text that can be read") from None


def _is_origin(text: str) -> bool:
    """Whether a browser may send this as an origin: scheme and host, and nothing behind them."""
    try:
        found = urlsplit(text)
    except ValueError:
        return False
    return (
        found.scheme in ("http", "https")
        and text == f"{found.scheme}://{found.netloc}"
        and found.netloc != ""
    )
