"""A user's mistake that has a status of its own in HTTP."""

from __future__ import annotations

from unpaired.errors import UserError


class Refused(UserError):
    """One sentence, as every `UserError`, and the status that tells programs the same."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
