"""Small films to translate: a moving square over four colours, and a tone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

TIME = Fraction(1, 1000)
SOUND = 1764  # samples for 40 ms at 44.1 kHz


def drawn(number: int, height: int, width: int) -> NDArray[np.uint8]:
    """Red on the left, green above on the right, black below it; a white square that moves."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2] = (200, 40, 40)
    picture[: height // 2, width // 2 :] = (30, 200, 60)
    picture[16:26, number + 4 : number + 14] = 255
    return picture


def write_film(
    path: Path, frames: int = 30, size: tuple[int, int] = (48, 64), *, sound: bool = True,
    times: Sequence[int] | None = None, fragile: bool = False, start: int = 0,
) -> Path:  # fmt: skip
    """A film of `frames` at `times` (ms; else every 40 from `start` on). `fragile`: its end tells what it holds."""
    options = {"movflags": "faststart"} if path.suffix == ".mp4" and not fragile else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME
        tone = container.add_stream("aac", rate=44100) if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(drawn(number, *size), "rgb24")
            frame.pts, frame.time_base = (times[number] if times else start + 40 * number), TIME
            container.mux(stream.encode(frame))
            if tone:
                wave = np.sin(0.05 * np.arange(SOUND) + number)[None].astype(np.float32)
                heard = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
                heard.sample_rate, heard.pts, heard.time_base = (
                    44100,
                    SOUND * number + start * 441 // 10,
                    Fraction(1, 44100),
                )
                container.mux(tone.encode(heard))
        container.mux(stream.encode(None))
        if tone:
            container.mux(tone.encode(None))
    return path


def read_film(path: Path) -> tuple[list[float], list[NDArray[np.uint8]], list[bytes]]:
    """When frames are shown (s), the frames, and the packets of the sound."""
    with av.open(str(path)) as container:
        shown = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        heard = [bytes(p) for p in container.demux(audio=0) if p.size] if container.streams.audio else []
    return [time for time, _ in shown], [frame for _, frame in shown], heard
