"""Where a film's frames come from: a file, a stream or a camera, with its sound, or a folder of pictures."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterator, Sequence
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

ASKED = {"protocol_whitelist": "tcp,udp,rtp,rtsp,rtmp,srt,http,https,httpproxy,tls,crypto"}
"""The same of addresses: what answers there may send on to others, but not to files of this machine."""


PATIENCE = 10.0
"""Seconds that a stream may be silent."""


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


class Sound:
    """The sound of a film, copied packet by packet."""

    def __init__(self, streams: Sequence[AudioStream] = ()) -> None:
        self.streams = streams
        self.begin = Fraction(0)
        """The film's second that becomes 0."""
        self._copies: dict[int, AudioStream] = {}
        self._met: deque[Packet[Any]] = deque()

    def attach(self, out: OutputContainer) -> None:
        """Let `heard` give the sound as streams of `out`."""
        try:
            self._copies = {stream.index: out.add_stream_from_template(stream) for stream in self.streams}
        except ValueError as e:
            kinds = ", ".join(sorted({stream.codec_context.name for stream in self.streams}))
            raise UserError(f"A {out.format.name} can't hold the film's sound ({kinds}) as it is: take .mkv.") from e

    def meet(self, packet: Packet[Any]) -> None:
        if packet.dts is not None and self._copies:
            packet.stream = self._copies[packet.stream.index]
            self._met.append(packet)

    def heard(self) -> Iterator[Packet[Any]]:
        """The sound that was met since this was last asked."""
        while self._met:
            packet = self._met.popleft()
            if self.begin:
                late = round(self.begin / packet.time_base)
                packet.dts = cast(int, packet.dts) - late
                if packet.pts is not None:
                    packet.pts -= late
                if packet.dts < 0:  # heard before there was something to see
                    continue
            yield packet


class Folder:
    """Pictures as the frames of a film."""

    def __init__(self, path: Path, fps: float, background: tuple[int, int, int]) -> None:
        self.path, self.background = path, background
        self.files = discover(path).files
        self.rate = Fraction(fps).limit_denominator(1001)
        self.time_base = 1 / self.rate
        self.count: int | None = len(self.files)
        self.notes: list[str] = []
        self.sound = Sound()
        if not self.files:
            raise UserError(f"There is no picture in {path}.")

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def frames(self) -> Iterator[Picture]:
        for time, file in enumerate(self.files):
            yield Picture(decode(file, background=self.background), time)

    def cut(self) -> str | None:
        return None


def is_address(source: str | Path) -> bool:
    """Whether FFmpeg is to ask somebody else: rtsp://…, tcp://…, http://…"""
    return "://" in str(source)


def is_camera(source: str | Path) -> bool:
    return not is_address(source) and Path(source).is_char_device()


def _opened(path: Path | str) -> InputContainer:
    """A file, an address or a camera. Raises `UserError` where it can't be read."""
    av = library()
    how: dict[str, Any] = {"timeout": PATIENCE, "options": ASKED} if is_address(path) else {"options": READ}
    if is_camera(path):
        if "v4l2" not in av.formats_available:
            raise UserError(
                f"{path} is a camera, and this package av was built without v4l2: have ffmpeg send it as a stream "
                "(docs/video.md says how), and give that address."
            )
        how = {"format": "v4l2"}
    try:
        return av.open(str(path), **how)
    except (av.FFmpegError, OSError) as e:
        why = e.strerror or "cannot be read"
        if is_address(path):
            raise UserError(f"{path} cannot be read as a film: {why}.") from e
        raise UserError(f"{path} is no film, or it is cut off before it says what it holds ({why}).") from e


class File:
    """A film file, a stream or a camera: its frames upright, and its sound.

    What has no end of its own is read for `seconds`, and its times begin with 0.
    """

    def __init__(self, path: Path | str, seconds: float | None = None) -> None:
        self.path, self.container = path, _opened(path)
        if not self.container.streams.video or not self.container.streams.video[0].codec_context.pix_fmt:
            self.container.close()
            raise UserError(f"{path} holds no moving pictures that can be read.")
        self.stream: VideoStream = self.container.streams.video[0]
        self.stream.thread_type = "AUTO"
        self.sound = Sound(self.container.streams.audio)
        self.rate = self.stream.average_rate or Fraction(25)
        self.time_base = cast(Fraction, self.stream.time_base)
        self.damage = 0
        self._wanted, self._enough = seconds, False
        self._zero, self._end = 0, 0.0
        self.notes: list[str] = []
        others = [s.type for s in self.container.streams if s.type not in ("audio",) and s is not self.stream]
        if others:
            self.notes.append(f"left out: {', '.join(sorted({*others}))} ({len(others)} of its streams)")
        if (bits := max((c.bits for c in self.stream.format.components), default=8)) > 8:
            self.notes.append(f"its {bits} bits a channel became 8")
        long = self._seconds()
        self._live = long is None and (is_address(path) or is_camera(path))
        if self._live and seconds is None:
            self.container.close()
            raise UserError(f"{path} does not say when it ends: say with --seconds how long it is to be translated.")
        self.count: int | None = self.stream.frames or (round(long * self.rate) if long else None)
        if seconds is not None:
            self.count = min(self.count or sys.maxsize, math.ceil(seconds * self.rate))

    def __enter__(self) -> File:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def frames(self) -> Iterator[Picture]:
        """Frames in the order in which they are shown; what is damaged is left out and counted."""
        first, after = 0, None
        for frame in self._decoded():
            time = frame.pts if frame.pts is not None else (0 if after is None else after + 1)
            if after is not None and time <= after:
                continue  # a damaged time: encoders take rising ones only
            if after is None:
                first = time
                if self._live:  # joined in the middle: it begins here
                    self._zero, self.sound.begin = time, time * self.time_base
            if self._wanted is not None and (time - first) * self.time_base >= self._wanted:
                self._enough = True
                return
            after = time
            self._end = float((time + 1) * self.time_base)
            # A positive angle says that the picture is to be turned back by it, against the clock.
            rgb = cast("NDArray[np.uint8]", frame.to_ndarray(format="rgb24"))
            yield Picture(np.rot90(rgb, round(frame.rotation / 90)), time - self._zero)

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._packets():
            if packet.stream is not self.stream:
                self.sound.meet(packet)
                continue
            try:
                yield from cast("list[VideoFrame]", packet.decode())
            except library().FFmpegError:
                self.damage += 1

    def _packets(self) -> Iterator[Packet[Any]]:
        packets = self.container.demux(self.stream, *self.sound.streams)
        while True:
            try:
                packet = next(packets, None)
            except library().FFmpegError:
                self.damage += 1
                return
            if packet is None:
                return
            yield packet

    def _seconds(self) -> float | None:
        if self.stream.duration:
            return float(self.stream.duration * self.time_base)
        return self.container.duration / 1e6 if self.container.duration else None

    def cut(self) -> str | None:
        """Where the film ended before its end, or what of it was damaged."""
        if self._enough:
            return self._damaged()
        if self._live:
            long = self._end - float(self._zero * self.time_base)
            return f"stopped after {max(0.0, long):.1f} of {self._wanted:g} seconds"
        seconds, start = self._seconds(), float((self.stream.start_time or 0) * self.time_base)
        # A container's length counts its sound, which may be longer than the pictures.
        tolerance = 2.5 / float(self.rate) if self.stream.duration else max(0.5, 2.5 / float(self.rate))
        if seconds is not None and self._end - start < seconds - tolerance:
            return f"is cut off after {max(0.0, self._end - start):.1f} of {seconds:.1f} seconds"
        return self._damaged()

    def _damaged(self) -> str | None:
        return f"is damaged at {self.damage} places, whose frames are left out" if self.damage else None
