"""Films, frame by frame in constant memory: their timing and sound are kept.

packets ─┬─ sound: copied as it is ──────────────────────────────────────────────┐
         └─ pictures: decoded, upright ─ network, a few at a time ─ steadied ─ encoded ─┴─ file
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import Image

from unpaired.config import Direction
from unpaired.data.files import replacing
from unpaired.data.signatures import SUFFIXES
from unpaired.errors import Interrupted, UserError
from unpaired.translation.film import CONTAINERS, FILMS, File, Folder, Picture, is_address, is_camera, library
from unpaired.translation.steady import Steady

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from unpaired.translation.translator import Translator

NUMBER = re.compile(r"%0?\d*d")
"""What stands for a frame's number in the name of an output: frames/%05d.png."""
QUALITY = {"libx264": {"crf": "16"}, "libvpx-vp9": {"crf": "20", "b": "0"}}
BT709, SMPTE170M, ITU601, LIMITED = 1, 6, 5, 1
"""FFmpeg's numbers of colour spaces and of the range 16 to 235. BT.709 for what is large and BT.601 for what is small
(whose two numbers name one thing) is what players assume where nothing is said."""

Progress = Callable[[int, int | None], None]
"""Called with the frames done and, where it is known, how many there are."""


@dataclass(slots=True)
class FilmReport:
    """What became of a film."""

    out: Path
    frames: int = 0
    cut: str | None = None
    """Where the film ends before its end, in words: a caller exits non-zero."""
    notes: list[str] = field(default_factory=list[str])
    """What of the film is not in the output, or not as it was."""


def is_film(inputs: Sequence[str | Path], out: Path) -> bool:
    """Whether a film is meant: one goes in, or a stream's or camera's frames, or one shall come out."""
    if out.suffix.lower() in FILMS or (NUMBER.search(out.name) and any(is_address(i) or is_camera(i) for i in inputs)):
        return True
    paths = [Path(i) for i in inputs if not is_address(i)]
    return any(path.suffix.lower() in FILMS and not path.is_dir() for path in paths)


def translate_film(
    translator: Translator, source: str | Path, out: str | Path, direction: Direction | None = None, *,
    fps: float | None = None, smooth: float = 0.0, seconds: float | None = None, overwrite: bool = False,
    progress: Progress | None = None,
) -> FilmReport:  # fmt: skip
    """Translate a film to a film, or to numbered pictures; or a folder of numbered pictures to a film.

    Args:
        source: a film, or a folder whose pictures, in the order of their names, are the frames; the address of a
            stream; or a camera, such as /dev/video0.
        out: a film file (its suffix chooses the container), a folder, or a name such as frames/%05d.png.
        fps: frames a second of a folder; a film has its own times, frame by frame.
        smooth: 0 to below 1, how strongly what stands still in the film is held still in its translation.
        seconds: how much of it; what has no end of its own, as streams and cameras, needs it.
        progress: called with the frames done and in all.

    Raises:
        UserError: before anything is written: no film, no such container, an output that is there already. A film
            that is cut off or damaged in its middle is no error: what there is is translated, and the report says so.
        Interrupted: Ctrl-C; of a film nothing is left behind, of numbered pictures those that were done.
    """
    library()
    source = str(source) if is_address(source) else Path(source)
    out, way, folder = Path(out), translator.direction(direction), isinstance(source, Path) and source.is_dir()
    steady = Steady(smooth)
    if seconds is not None and (folder or not seconds > 0):
        raise UserError(f"seconds {seconds:g} is not above 0, or {source} is a folder, whose pictures are all taken.")
    if isinstance(source, Path) and not source.exists():
        raise UserError(f"There is no film or folder {source}.")
    if not NUMBER.search(out.name) and out.suffix.lower() not in CONTAINERS:
        if folder or out.suffix or not isinstance(source, Path):
            raise UserError(f"{out} is no film that can be written: name it .mp4, .mov, .mkv, .webm or .ts.")
        suffix = source.suffix if source.suffix.lower() in CONTAINERS else ".mkv"
        out = out / f"{source.stem}{suffix}"
    if isinstance(source, Path) and out.resolve() == source.resolve():
        raise UserError(f"{out} is the input and would be overwritten: take another --out.")
    _free(out, overwrite)
    if isinstance(source, Path) and folder:
        if not fps or fps <= 0:
            raise UserError(f"{source} is a folder: say with --fps how many of its pictures are shown in a second.")
        film: Folder | File = Folder(source, fps, translator.config.data.background)
    elif fps:
        raise UserError(f"{source} has its own times: --fps is for folders of pictures.")
    else:
        film = File(source, seconds)
    report = FilmReport(out)
    try:
        with film, _written(out, film) as write:
            for frames in _groups(film, translator):
                made = translator.translate_arrays([frame.rgb for frame in frames], way, batch=len(frames))
                for frame, translation in zip(frames, made, strict=True):
                    write(Picture(steady(frame.rgb, translation), frame.time))
                    report.frames += 1
                    if progress:
                        progress(report.frames, film.count)
            if not report.frames:
                raise UserError(f"{source} holds no frame that can be read.")
            report.cut, report.notes = film.cut(), film.notes
    except KeyboardInterrupt as e:
        what = "they are written as" if NUMBER.search(out.name) else "nothing was written to"
        raise Interrupted(f"Stopped after {report.frames:,} frames: {what} {out}.") from e
    return report


def _free(out: Path, overwrite: bool) -> None:
    """Raise `UserError` where an output would replace something."""
    if number := NUMBER.search(out.name):
        before, after = out.name[: number.start()], out.name[number.end() :]
        shape = re.compile(rf"{re.escape(before)}\d+{re.escape(after)}")
        there = (
            next((f for f in out.parent.glob("*") if shape.fullmatch(f.name)), None) if out.parent.is_dir() else None
        )
    else:
        there = out if out.exists() else None
    if there is not None and there.is_dir():
        raise UserError(f"{there} is a folder, where the film would go.")
    if there is not None and not overwrite:
        raise UserError(f"{there} exists already: take another --out, or give --overwrite.")


def _groups(film: Folder | File, translator: Translator) -> Iterator[list[Picture]]:
    """Frames of one size, as many as go through the network together."""
    group: list[Picture] = []
    for frame in film.frames():
        if group and (frame.rgb.shape != group[0].rgb.shape):
            raise UserError(f"{film.path}: frame {frame.time} has another size than those before it.")
        group.append(frame)
        if len(group) >= translator.at_once(frame.rgb.shape[0], frame.rgb.shape[1]):
            yield group
            group = []
    if group:
        yield group


@contextmanager
def _written(out: Path, film: Folder | File) -> Generator[Callable[[Picture], None]]:
    """Where frames go: a film that appears whole at the end, or numbered pictures."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if NUMBER.search(out.name):
            yield _numbered(out)
            return
        with replacing(out) as file, _film(file, out, film) as write:
            yield write
    except (OSError, library().FFmpegError) as e:
        raise UserError(f"{out} cannot be written: {e.strerror or e}.") from e


def _numbered(out: Path) -> Callable[[Picture], None]:
    if out.suffix.lower() not in SUFFIXES:
        raise UserError(f"{out} names no kind of picture: end it in .png or .jpg.")
    numbers = itertools.count(1)

    def write(frame: Picture) -> None:
        with replacing(out.with_name(out.name % next(numbers))) as file:
            Image.fromarray(frame.rgb).save(file, SUFFIXES[out.suffix.lower()])

    return write


@contextmanager
def _film(file: BinaryIO, out: Path, film: Folder | File) -> Generator[Callable[[Picture], None]]:
    """An encoder into `file`, made when the first frame tells its size."""
    av = library()
    kind = CONTAINERS[out.suffix.lower()]
    codec = "libvpx-vp9" if kind == "webm" else "libx264"
    with av.open(file, "w", format=kind) as container:
        stream: VideoStream = container.add_stream(codec, rate=film.rate, options=QUALITY[codec])
        context = stream.codec_context
        context.time_base = stream.time_base = film.time_base
        film.sound.attach(container)

        def write(frame: Picture) -> None:
            height, width = frame.rgb.shape[:2]
            if not context.is_open:
                stream.width, stream.height = width, height
                odd = (height % 2 or width % 2) and codec == "libx264"
                stream.pix_fmt = "yuv444p" if odd else "yuv420p"  # halved colours need even sides
                context.colorspace, context.color_range = (BT709 if height >= 720 else SMPTE170M), LIMITED
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.rgb), format="rgb24").reformat(
                format=stream.pix_fmt, dst_colorspace=BT709 if height >= 720 else ITU601, dst_color_range=LIMITED
            )
            picture.pts, picture.time_base = frame.time, film.time_base
            container.mux(stream.encode(picture))
            for packet in film.sound.heard():  # not before: a container begins when all of its streams are known
                container.mux(packet)

        yield write
        if context.is_open:
            for packet in (*film.sound.heard(), *stream.encode(None)):
                container.mux(packet)
