"""The server around the application: patience with slow clients, and a stop that lets everybody finish."""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from unpaired.errors import UserError
from unpaired.web.guard import LARGEST_HEAD
from unpaired.web.service import Service
from unpaired.web.settings import Settings

HEAD_SECONDS = 10.0
"""In which the head of a request has to arrive."""
CONNECTIONS = 512
GRACE = 30
"""Seconds that a stop waits for the requests under way."""


class Impatient(H11Protocol):
    """HTTP/1.1 that hangs up on who opens a connection and does not say what for."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def handle_events(self) -> None:
        super().handle_events()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The clock runs while a head is awaited, from its first byte or the connection's beginning."""
        awaited = self.cycle is None or self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison]
        if not awaited:
            self._unwatch()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_SECONDS, self._hang_up)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            sentence = b'{"error": "The head of the request did not arrive in time."}'
            head = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\nconnection: close\r\n"
            self.transport.write(head + b"content-length: %d\r\n\r\n%s" % (len(sentence), sentence))
            self.transport.close()


class Server(uvicorn.Server):
    """Tells live pages, which would never end by themselves, that it is time."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.service.stopping.set()
        self.service.background.stop()
        super().handle_exit(sig, frame)
        # uvicorn raises the signal again once it has stopped; a stop that was asked for is no failure.
        self._captured_signals.clear()


def serve(app: ASGIApp, service: Service, settings: Settings, greeting: str) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way. Raises `UserError` where the port is taken.

    `greeting` is printed once it listens; `{address}` in it becomes where.
    """
    bound = _bound(settings)
    with bound:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        print(greeting.format(address=f"http://{host}:{bound.getsockname()[1]}"), flush=True)
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            Server(configured(app, settings), service).run(sockets=[bound])
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def configured(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn is set up."""
    return uvicorn.Config(
        app, http=Impatient, ws="none", lifespan="on", log_level="error", access_log=False, server_header=False,
        h11_max_incomplete_event_size=LARGEST_HEAD, limit_concurrency=CONNECTIONS, timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACE, proxy_headers=bool(settings.proxy), forwarded_allow_ips=list(settings.proxy),
    )  # fmt: skip


def _bound(settings: Settings) -> socket.socket:
    where = f"{settings.host}:{settings.port}"
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as e:
        raise UserError(f"{where} can't be listened on ({e.strerror}): take another --host.") from e
    family, kind, protocol, _, address = found[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(1024)
    except OSError as e:
        bound.close()
        raise UserError(f"{where} can't be listened on ({e.strerror}): take another --port or --host.") from e
    return bound
