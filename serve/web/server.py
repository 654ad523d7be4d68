"""uvicorn, with what it does not do itself: half-open connections end."""

import asyncio
import logging

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from serve.web.serve_options import ServeOptions

# A connection that has not asked for anything within so many seconds is closed.
FIRST_REQUEST_S = 10.0
# Clients that are connected when the server ends are told so, and have so long.
FAREWELL_S = 3


class ImpatientProtocol(H11Protocol):
    """Closes connections whose first request does not come, or never ends."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.loop.call_later(FIRST_REQUEST_S, self._close_unless_asked)

    def _close_unless_asked(self) -> None:
        if self.cycle is None and self.transport.get_protocol() is self:
            self.transport.close()


def make_server(app: Starlette, options: ServeOptions) -> uvicorn.Server:
    """A server that is ready to run. Its lines about clients are left out: they hold addresses and tokens."""
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        http=ImpatientProtocol,
        ws="websockets-sansio",
        ws_max_size=options.message_bytes,
        # A client that is not read from, because too much of its audio waits, could not answer.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_level=logging.WARNING,
        server_header=False,
        timeout_graceful_shutdown=FAREWELL_S,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
    )
    return uvicorn.Server(config)
