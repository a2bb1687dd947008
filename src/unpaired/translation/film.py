"""Where a film's frames come from: a file, with its sound, or a folder of pictures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from unpaired.data.decode import decode
from unpaired.data.discover import discover
from unpaired.errors import UserError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

CONTAINERS = {
    ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".ts": "mpegts",
}  # fmt: skip
"""Film files that are written, and read; the other suffixes below are only read."""
FILMS = frozenset({*CONTAINERS, ".avi", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".mts", ".m2ts", ".ogv"})

READ = {
    "format_whitelist": "mov,matroska,mpegts,avi,mpeg,mpegvideo,asf,flv,ogg", "protocol_whitelist": "file",
}  # fmt: skip
"""Told to FFmpeg, which otherwise takes a playlist for a film and reads what that names, other files and addresses."""


class Picture(NamedTuple):
    """A frame and when it is shown, in units of the film's time base."""

    rgb: NDArray[np.uint8]
    time: int


def library() -> Any:
    try:
        import av
    except ImportError as e:
        raise UserError("Films need the package av: pip install 'unpaired[video]'.") from e
    return av


class Folder:
    """Pictures as the frames of a film."""

    def __init__(self, path: Path, fps: float, background: tuple[int, int, int]) -> None:
        self.path, self.background = path, background
        self.files = discover(path).files
        self.rate = Fraction(fps).limit_denominator(1001)
        self.time_base = 1 / self.rate
        self.count: int | None = len(self.files)
        self.notes: list[str] = []
        self.sound: list[AudioStream] = []
        if not self.files:
            raise UserError(f"There is no picture in {path}.")

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def frames(self) -> Iterator[Picture]:
        for time, file in enumerate(self.files):
            yield Picture(decode(file, background=self.background), time)

    def attach(self, out: OutputContainer) -> None:
        """There is no sound."""

    def heard(self) -> Iterator[Packet[Any]]:
        return iter(())

    def cut(self) -> str | None:
        return None


class File:
    """A film file: its frames upright, and its sound."""

    def __init__(self, path: Path) -> None:
        av = library()
        self.path = path
        try:
            self.container: InputContainer = av.open(str(path), options=READ)
        except av.FFmpegError as e:
            why = e.strerror or "cannot be read"
            raise UserError(f"{path} is no film, or it is cut off before it says what it holds ({why}).") from e
        if not self.container.streams.video:
            self.container.close()
            raise UserError(f"{path} holds no moving pictures.")
        self.stream: VideoStream = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self.sound: list[AudioStream] = list(self.container.streams.audio)
        self.rate = self.stream.average_rate or Fraction(25)
        self.time_base = cast(Fraction, self.stream.time_base)
        self.damage = 0
        self._copies: dict[int, AudioStream] = {}
        self._heard: deque[Packet[Any]] = deque()
        self._end = 0.0
        self.notes: list[str] = []
        others = [s.type for s in self.container.streams if s.type not in ("audio",) and s is not self.stream]
        if others:
            self.notes.append(f"left out: {', '.join(sorted({*others}))} ({len(others)} of its streams)")
        if (bits := max((c.bits for c in self.stream.format.components), default=8)) > 8:
            self.notes.append(f"its {bits} bits a channel became 8")
        seconds = self._seconds()
        self.count: int | None = self.stream.frames or (round(seconds * self.rate) if seconds else None)

    def __enter__(self) -> File:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def attach(self, out: OutputContainer) -> None:
        """Let `heard` give the sound as streams of `out`."""
        try:
            self._copies = {stream.index: out.add_stream_from_template(stream) for stream in self.sound}
        except ValueError as e:
            kinds = ", ".join(sorted({stream.codec_context.name for stream in self.sound}))
            raise UserError(f"A {out.format.name} can't hold the film's sound ({kinds}) as it is: take .mkv.") from e

    def frames(self) -> Iterator[Picture]:
        """Frames in the order in which they are shown; what is damaged is left out and counted."""
        after = None
        for frame in self._decoded():
            time = frame.pts if frame.pts is not None else (0 if after is None else after + 1)
            if after is not None and time <= after:
                continue  # a damaged time: encoders take rising ones only
            after = time
            self._end = float((time + 1) * self.time_base)
            # A positive angle says that the picture is to be turned back by it, against the clock.
            rgb = cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24"))
            yield Picture(np.rot90(rgb, round(frame.rotation / 90)), time)

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            if packet.stream is not self.stream:
                if packet.dts is not None and self._copies:
                    packet.stream = self._copies[packet.stream.index]
                    self._heard.append(packet)
                continue
            try:
                yield from cast("list[VideoFrame]", packet.decode())
            except library().FFmpegError:
                self.damage += 1

    def _packets(self) -> Iterator[Packet[Any]]:
        packets = self.container.demux(self.stream, *self.sound)
        while True:
            try:
                packet = next(packets, None)
            except library().FFmpegError:
                self.damage += 1
                return
            if packet is None:
                return
            yield packet

    def heard(self) -> Iterator[Packet[Any]]:
        """The sound that was met since this was last asked."""
        while self._heard:
            yield self._heard.popleft()

    def _seconds(self) -> float | None:
        if self.stream.duration:
            return float(self.stream.duration * self.time_base)
        return self.container.duration / 1e6 if self.container.duration else None

    def cut(self) -> str | None:
        """Where the film ended before its end, or what of it was damaged."""
        seconds, start = self._seconds(), float((self.stream.start_time or 0) * self.time_base)
        # A container's length counts its sound, which may be longer than the pictures.
        tolerance = 2.5 / float(self.rate) if self.stream.duration else max(0.5, 2.5 / float(self.rate))
        if seconds is not None and self._end - start < seconds - tolerance:
            return f"is cut off after {max(0.0, self._end - start):.1f} of {seconds:.1f} seconds"
        return f"is damaged at {self.damage} places, whose frames are left out" if self.damage else None
