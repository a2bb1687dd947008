"""What a server allows, and to whom. The fields are options of `unpaired serve` and `unpaired studio`."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, replace

from unpaired.errors import UserError

TOKEN_VARIABLE = "UNPAIRED_TOKEN"
SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Where a server listens and what it lets in."""

    host: str = "127.0.0.1"
    """Address to listen on. Any other than this machine's own needs a token."""
    port: int = 8000
    """Port to listen on; 0 takes a free one."""
    token: str | None = None
    """What a client has to know, at least 16 characters; by default the environment variable UNPAIRED_TOKEN, which
    other users of this machine don't see."""
    allow_host: tuple[str, ...] = ()
    """Names under which the server may be asked for, beside its address: those that a reverse proxy passes on."""
    proxy: tuple[str, ...] = ()
    """Addresses of reverse proxies, whose word on who asks is taken."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    upload_mb: float = 32
    """Largest upload in MB."""
    megapixels: float = 4
    """Largest picture in millions of pixels; looked at before it is decoded."""
    waiting: int = 64
    """Pictures that may wait to be translated; more are answered with 429 and when to come back."""
    body_seconds: float = 30
    """Time in which a request has to arrive."""
    request_seconds: float = 120
    """Time in which a request has to be answered."""
    rate: float = 100
    """Requests a second from one address; twice as many may come at once."""


def checked(settings: Settings) -> Settings:
    """The settings with their token. Raises `UserError` where they are unsafe or make no sense."""
    token = settings.token or os.environ.get(TOKEN_VARIABLE) or None
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise UserError(f"The token has {len(token)} characters: take at least {SHORTEST_TOKEN}, at random.")
    if token is not None and not (token.isascii() and token.isprintable()):
        raise UserError("The token holds characters that can't stand in a header: take letters and digits.")
    if token is None and not is_loopback(settings.host):
        raise UserError(
            f"--host {settings.host} can be reached from other machines, which needs a token: set {TOKEN_VARIABLE} to "
            f"{SHORTEST_TOKEN} or more random characters, or leave --host out."
        )
    if not 0 <= settings.port <= 65535:
        raise UserError(f"--port {settings.port} is not a port: take 0 to 65535.")
    for name in ("upload_mb", "megapixels", "waiting", "body_seconds", "request_seconds", "rate"):
        if not getattr(settings, name) > 0:
            raise UserError(f"--{name.replace('_', '-')} {getattr(settings, name):g} is not above 0.")
    return replace(settings, token=token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def is_wildcard(host: str) -> bool:
    """Whether `host` means every address of this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False
