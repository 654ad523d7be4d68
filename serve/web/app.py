"""What is where: / (page, and WebSocket), /settings, /health, /metrics."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from agents.configuration.agent_configuration import AgentConfiguration
from foundation.errors import InputError
from serve.served_agent import ServedAgent
from serve.web.limits import Admission, Gate
from serve.web.measurements import Measurements
from serve.web.policy_catalog import PolicyCatalog, known_languages, listed_code, policy_catalog
from serve.web.serve_options import ServeOptions
from serve.web.session import BUSY, REFUSED, Session, dismiss
from serve.web.session_log import SessionLog

PAGE = Path(__file__).parents[1] / "page"
HEADERS = {
    # Nothing from elsewhere, nothing written into the page itself.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    "connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # A page of an earlier version does not speak to this server.
    "Cache-Control": "no-cache",
}


class LiveServer:
    """One agent behind the routes of one port."""

    def __init__(
        self,
        agent: ServedAgent,
        configuration: AgentConfiguration,
        options: ServeOptions,
        log: SessionLog | None = None,
    ) -> None:
        """log: what is written is noted there, if anywhere."""
        self.agent = agent
        self.options = options
        self.measurements = Measurements()
        self.gate = Gate(options.clients, options.clients_per_address)
        self.log = log
        self._admission = Admission(options.host, options.origins, options.token())
        translator = agent.engine.engine.translator
        model = configuration.agent_options.model
        self.catalog: PolicyCatalog = policy_catalog(
            translator, model, configuration.agent, configuration.policy
        )
        agent.engine.streams_at_once = options.streams_at_once
        agent.engine.on_step = self.measurements.note_step
        pair = agent.languages
        languages = known_languages(translator, pair.source, pair.target)
        self._settings: dict[str, Any] = {
            "version": _version(),
            "model": Path(model).name,
            "chunk_ms": agent.chunk_ms,
            "source_lang": listed_code(translator, pair.source, languages["source"]),
            "target_lang": listed_code(translator, pair.target, languages["target"]),
            "languages": languages,
            "policies": self.catalog.described(),
            "needs_token": options.token_file is not None,
        }

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._page),
                Route("/settings", self._told_settings),
                Route("/health", self._health),
                Route("/metrics", self._metrics),
                Mount("/page", StaticFiles(directory=PAGE)),
                WebSocketRoute("/", self._socket),
            ]
        )

    async def _page(self, request: Request) -> Response:
        return FileResponse(PAGE / "index.html", headers=HEADERS)

    async def _told_settings(self, request: Request) -> Response:
        return JSONResponse(self._settings, headers=HEADERS)

    async def _health(self, request: Request) -> Response:
        works = self.agent.engine.works
        told = {"status": "ok" if works else "the engine has stopped", "clients": self.gate.open}
        return JSONResponse(told, 200 if works else 503)

    async def _metrics(self, request: Request) -> Response:
        if not self._admission.allows(request.headers, request.query_params):
            return Response("the token is missing or wrong\n", 401)
        return Response(self.measurements.text(), media_type="text/plain; version=0.0.4")

    async def _socket(self, socket: WebSocket) -> None:
        if not self._admission.allows_page(socket.headers):
            self.measurements.refused.labels("origin").inc()
            await socket.close()  # before it is accepted: HTTP status 403
            return
        await socket.accept()
        if not self._admission.allows(socket.headers, socket.query_params):
            self.measurements.refused.labels("token").inc()
            await dismiss(socket, "the token is missing or wrong", REFUSED)
            return
        address = "" if socket.client is None else socket.client.host
        try:
            with self.gate.place(address):
                self.measurements.clients.set(self.gate.open)
                session = Session(socket, self.agent, self.catalog, self.options, self.measurements, self.log)
                await session.run()
        except InputError as error:
            self.measurements.refused.labels("full").inc()
            await dismiss(socket, str(error), BUSY)
        finally:
            self.measurements.clients.set(self.gate.open)


def _version() -> str:
    try:
        return version("simulst-agents")
    except PackageNotFoundError:
        return "not installed"
