"""What stands before every page and call: who may ask, how much, how fast. docs/security.md says against what.

A plain ASGI application around the real one, so that it sees requests before anything of them is read.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from unpaired.web.metrics import Metrics
from unpaired.web.settings import Settings, is_wildcard

COOKIE = "unpaired"
OPEN = ("/v1/health", "/login", "/static/")
"""What is answered without a token: whether the server lives, the page that asks for the token, how it looks."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    # Not no-referrer: with that a browser sends `Origin: null` with the studio's own forms.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LARGEST_HEAD = 16 << 10
ADDRESSES = 10_000  # that are remembered for their rate


class TooSlow(HTTPException):
    """A request did not arrive in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(408, f"The request did not arrive within {seconds:g} seconds.", {"connection": "close"})


class Buckets:
    """Token buckets, one an address: `rate` a second, up to `burst` at once."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> float:
        """Take one; 0 where there was one, else the seconds until there is."""
        now = self._clock()
        left, then = self._left.pop(address, (self.burst, now))
        left = min(self.burst, left + (now - then) * self.rate)
        wait = 0.0 if left >= 1 else (1 - left) / self.rate
        self._left[address] = (left if wait else left - 1, now)
        if len(self._left) > ADDRESSES:
            del self._left[next(iter(self._left))]
        return wait


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further."""

    status: int
    sentence: str
    headers: dict[str, str]


class Guard:
    """Refuses before reading: strangers, foreign pages, foreign names, too much, too fast, too slow."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app, self.settings, self.metrics = app, settings, metrics
        self.requests = Buckets(settings.rate, 2 * settings.rate)
        self.guesses = Buckets(1 / 6, 5)
        names = {"127.0.0.1", "localhost", "[::1]", settings.host, *settings.allow_host}
        # Bound to every address with no name given, the token alone decides: a rebound name has no cookie.
        self.hosts = None if is_wildcard(settings.host) and not settings.allow_host else {n.lower() for n in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:  # websockets: there are none here
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._answered(scope, receive, dressed, lambda: status > 0)
        finally:
            # The route, not the path: a client must not make up labels.
            self.metrics.requests.labels(getattr(scope.get("route"), "path", "other"), str(status or 499)).inc()

    async def _answered(self, scope: Scope, receive: Receive, send: Send, begun: Callable[[], bool]) -> None:
        refusal = self._refusal(scope, Headers(scope=scope))
        if refusal:
            await _answer(refusal, send)
            return
        # A live page stays open; everything else ends.
        seconds = None if scope["path"].endswith("/live") else self.settings.request_seconds
        try:
            async with asyncio.timeout(seconds):
                await self.app(scope, self._limited(receive), send)
        except TimeoutError:
            if not begun():
                sentence = f"This took longer than {self.settings.request_seconds:g} seconds: try again later."
                await _answer(Refusal(503, sentence, {"retry-after": "10", "connection": "close"}), send)

    def _refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        path, method = scope["path"], scope["method"]
        if sum(len(k) + len(v) for k, v in headers.raw) > LARGEST_HEAD:
            return Refusal(431, "The head of the request is too large.", {"connection": "close"})
        address = scope["client"][0] if scope.get("client") else ""
        host = headers.get("host", "")
        if self.hosts is not None and _name(host) not in self.hosts:
            return Refusal(421, f"This server is not known as {host[:100]!r}: --allow-host adds a name.", {})
        if wait := self.requests.take(address):
            return Refusal(429, "Too many requests from this address.", {"retry-after": str(int(wait) + 1)})
        if method not in SAFE and _foreign(headers):
            return Refusal(403, "This came from a page of another site, which may not act here.", {})
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.settings.upload_mb * 1e6:
            return Refusal(413, _too_large(self.settings), {"connection": "close"})
        return self._stranger(path, method, address, headers)

    def _stranger(self, path: str, method: str, address: str, headers: Headers) -> Refusal | None:
        """Who does not know the token gets no further than `OPEN`."""
        token = self.settings.token
        if token and path == "/login" and method == "POST" and (wait := self.guesses.take(address)):
            return Refusal(429, "Too many tries.", {"retry-after": str(int(wait) + 1)})
        if token is None or path.startswith(OPEN):
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if hmac.compare_digest(given.strip().encode(), token.encode()):
                return None
        elif hmac.compare_digest(_cookie(headers).encode(), session_key(token).encode()):
            return None
        if scheme and (wait := self.guesses.take(address)):
            return Refusal(429, "Too many wrong tokens.", {"retry-after": str(int(wait) + 1)})
        if method == "GET" and "text/html" in headers.get("accept", ""):
            return Refusal(303, "Log in first.", {"location": f"/login?next={quote(path)}"})
        return Refusal(401, "This server wants its token: Authorization: Bearer …", {"www-authenticate": "Bearer"})

    def _limited(self, receive: Receive) -> Receive:
        """The body, while it is neither too large nor too slow; `HTTPException` where it is."""
        deadline = time.monotonic() + self.settings.body_seconds
        got, whole = 0, False

        async def limited() -> Message:
            nonlocal got, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                    message = await receive()
            except TimeoutError:
                raise TooSlow(self.settings.body_seconds) from None
            if message["type"] == "http.request":
                got += len(message.get("body", b""))
                whole = not message.get("more_body", False)
                if got > self.settings.upload_mb * 1e6:
                    raise HTTPException(413, _too_large(self.settings), {"connection": "close"})
            return message

        return limited


def session_key(token: str) -> str:
    """What the cookie holds: shows that the token is known without being it."""
    return hmac.new(token.encode(), b"unpaired studio session", hashlib.sha256).hexdigest()


def _cookie(headers: Headers) -> str:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _name(host: str) -> str:
    """The name of a Host header without its port."""
    return (host[: host.rfind("]") + 1] if host.startswith("[") else host.partition(":")[0]).lower()


def _foreign(headers: Headers) -> bool:
    """Whether a browser says that another site's page sent this. Programs say nothing, and carry no cookie either."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _too_large(settings: Settings) -> str:
    return f"More than {settings.upload_mb:g} MB: send something smaller."


async def _answer(refusal: Refusal, send: Send) -> None:
    body = json.dumps({"error": refusal.sentence}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
    raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
