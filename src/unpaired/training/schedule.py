"""How far a training is, and what that means for its learning rate. Pure functions."""

from __future__ import annotations

from unpaired.config import OptimizerConfig


def progress(images: int, seconds: float, total_images: int | None, total_seconds: float | None) -> float:
    """Share of the planned training that is done, 0 to 1: of the images or of the time, whichever is further."""
    shares = [0.0]
    if total_images:
        shares.append(images / total_images)
    if total_seconds:
        shares.append(seconds / total_seconds)
    return min(1.0, max(shares))


def learning_rate_factor(config: OptimizerConfig, images: int, done: float) -> float:
    """Share of the full learning rate: rising over the warm-up, constant, then linear to 0 at the end (section 4)."""
    rising = min(1.0, (images + 1) / config.warmup) if config.warmup else 1.0
    falling = 1.0 if done <= config.decay_from else (1.0 - done) / (1.0 - config.decay_from)
    return min(rising, falling)


def twice(total_minutes: float | None, total_images: int | None, images: int) -> str:
    """The option that plans a training twice as long as one that stands at `images`: in minutes, where that was the
    plan and these were not over first.
    """
    by_images = total_images is not None and images >= total_images
    return f"--minutes {2 * total_minutes:g}" if total_minutes and not by_images else f"--images {2 * images}"
