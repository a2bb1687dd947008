"""The exceptions that are meant for people."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """A mistake or a fact of the user's world, told in one sentence: what, which file, what to do.

    The command line prints it without a traceback and exits with status 1; the library raises it.
    """


class DiskFull(UserError):
    """There is no room for what is to be written. No other will fit either: whoever goes through many files stops."""


class Exploded(UserError):
    """A training stopped because a loss or a weight was not a finite number, or rose beyond any use."""


class Interrupted(UserError):
    """A person or the system stopped a command (SIGINT, SIGTERM) and nothing was lost; exit status 130."""


def reason(error: Exception, path: Path) -> str:
    """What a sentence says about the file `path`, for lists that name the file themselves."""
    return str(error).removeprefix(f"{path} ")
