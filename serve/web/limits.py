"""What one client may take of the server, and who may be one."""

import asyncio
import hmac
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from foundation.errors import InputError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Gate:
    """Counts clients, in all and for each address."""

    def __init__(self, clients: int, clients_per_address: int) -> None:
        self.clients, self.clients_per_address = clients, clients_per_address
        self._open: Counter[str] = Counter()

    @property
    def open(self) -> int:
        return self._open.total()

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """A client's place, as long as it is there. Raises InputError where there is none."""
        if self._open.total() >= self.clients:
            raise InputError(f"this server has {self.clients} clients, and takes no more: try again later")
        if self._open[address] >= self.clients_per_address:
            raise InputError(
                f"this server has {self.clients_per_address} clients from your address, and takes no more"
            )
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            self._open += Counter()  # forgets who has none


class Pace:
    """Lets so many messages through in a second, after a burst of as many; the others wait."""

    def __init__(self, messages_per_second: float) -> None:
        self._rate = messages_per_second
        self._left = messages_per_second
        self._seen_s: float | None = None

    async def wait(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._seen_s is not None:
            self._left = min(self._rate, self._left + self._rate * (now_s - self._seen_s))
        self._seen_s = now_s
        self._left -= 1
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)


class Admission:
    """Token and origin."""

    def __init__(self, host: str, origins: tuple[str, ...], token: str | None) -> None:
        """host: the server's own address. origins: of pages elsewhere that may connect, like https://a.org."""
        self._token = token
        self._origins = set(origins)
        self._names = {host, *(urlsplit(origin).hostname or origin for origin in origins)}
        # Whoever reaches all of a machine's addresses does so by any name; loopback has only these: a name of
        # another's that leads here is an attack on the browser's user (DNS rebinding).
        self._any_name = host not in LOOPBACK
        self._names.update(LOOPBACK)

    def allows_page(self, headers: Mapping[str, str]) -> bool:
        """Whether a page may connect: the server's own, and those named. Programs name no origin."""
        try:
            host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        except ValueError:  # half an IPv6 address
            return False
        if not self._any_name and host not in self._names:
            return False
        origin = headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        try:
            return urlsplit(origin).netloc == headers.get("host")
        except ValueError:
            return False

    def allows(self, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
        """Whether a client knows the token: `Authorization: Bearer ...`, or `?token=...` in the address."""
        if self._token is None:
            return True
        given = headers.get("authorization", "").removeprefix("Bearer ") or query.get("token", "")
        return hmac.compare_digest(given.encode(), self._token.encode())
