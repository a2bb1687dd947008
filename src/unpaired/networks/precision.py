"""Where numbers need all their digits inside a step of bfloat16."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def exactly(device: torch.device) -> AbstractContextManager[Any]:
    """A context without autocast; on the meta device, which has no autocast and no numbers, nothing."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)
