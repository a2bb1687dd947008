"""Films: their timing and sound are kept, a half of one is translated and told, and nothing is half-written."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from films import drawn, read_film, write_film
from numpy.typing import NDArray
from small import SMALL, Same
from torch import Tensor, nn

from unpaired.errors import Interrupted, UserError
from unpaired.translation.film import Sound
from unpaired.translation.steady import Steady
from unpaired.translation.translator import Translator
from unpaired.translation.video import is_film, translate_film


def nothing_else(folder: Path, *names: str) -> bool:
    return sorted(p.name for p in folder.iterdir()) == sorted(names)


def test_times_sound_and_frames_are_kept(same: Translator, tmp_path: Path) -> None:
    times = [40 * n + 7 * (n % 3) for n in range(30)]  # of varying length, as phones record
    film = write_film(tmp_path / "film.mp4", times=times)
    told: list[tuple[int, int | None]] = []
    report = translate_film(same, film, tmp_path / "made.mp4", progress=lambda *p: told.append(p))
    assert (report.frames, report.cut, report.notes) == (30, None, [])
    assert told == [(n, 30) for n in range(1, 31)]
    before, after = read_film(film), read_film(tmp_path / "made.mp4")
    assert after[0] == pytest.approx(before[0])
    assert after[2] == before[2]
    assert len(after[2]) > 20
    for was, now in zip(before[1], after[1], strict=True):
        assert np.abs(was.astype(int) - now).mean() < 2.5
    assert nothing_else(tmp_path, "film.mp4", "made.mp4")


@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".ts"])
def test_other_containers(same: Translator, tmp_path: Path, suffix: str) -> None:
    film = write_film(tmp_path / "film.mp4", 8)
    made = read_film(translate_film(same, film, tmp_path / f"made{suffix}").out)
    assert len(made[0]) == 8
    assert np.diff(made[0]) == pytest.approx(np.diff(read_film(film)[0]))
    assert made[2]


def test_webm_without_sound_odd_sizes_and_a_folder_as_output(same: Translator, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mkv", 4, sound=False)
    made = translate_film(same, film, tmp_path / "made.webm").out
    assert len(read_film(made)[0]) == 4
    pictures = tmp_path / "odd"
    translate_film(same, film, pictures / "%03d.png")
    from PIL import Image

    for path in pictures.iterdir():
        Image.open(path).crop((0, 0, 63, 47)).save(path)
    (_, frames, _) = read_film(translate_film(same, pictures, tmp_path / "odd.mp4", fps=25).out)
    assert frames[0].shape == (47, 63, 3)
    assert translate_film(same, film, tmp_path / "films").out == tmp_path / "films/film.mkv"


def test_sound_that_a_container_cannot_hold_is_told(same: Translator, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 4)
    with pytest.raises(UserError, match=r"webm can't hold the film's sound \(aac\) as it is: take \.mkv"):
        translate_film(same, film, tmp_path / "made.webm")
    assert nothing_else(tmp_path, "film.mp4")


def test_a_turned_film_is_translated_upright(same: Translator, tmp_path: Path) -> None:
    """The matrix in the track's header says to turn it clockwise, as for a phone held upright."""
    film = write_film(tmp_path / "film.mp4", 4)
    content = bytearray(film.read_bytes())
    at = content.find(b"tkhd") + 4 + 4 + 20 + 8 + 8
    assert struct.unpack(">9i", content[at : at + 36])[0] == 65536
    content[at : at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    film.write_bytes(content)
    (_, frames, _) = read_film(translate_film(same, film, tmp_path / "made.mp4").out)
    assert frames[0].shape == (64, 48, 3)
    assert np.abs(frames[0][5, 5].astype(int) - (200, 40, 40)).max() < 20  # what was on the left is above
    assert np.abs(frames[0][-5, -5].astype(int) - (30, 200, 60)).max() < 20
    assert frames[0][-5, 5].max() < 20


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_of_a_film_cut_off_in_the_middle_there_is_what_there_is(same: Translator, tmp_path: Path, suffix: str) -> None:
    film = write_film(tmp_path / f"film{suffix}")
    film.write_bytes(film.read_bytes()[: int(0.6 * film.stat().st_size)])
    report = translate_film(same, film, tmp_path / f"made{suffix}")
    assert report.cut is not None
    assert report.cut.startswith("is cut off after 0.")
    assert 10 <= report.frames < 30
    assert len(read_film(report.out)[0]) == report.frames


def test_what_is_no_film(same: Translator, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    fragile = write_film(tmp_path / "fragile.mp4", fragile=True)
    fragile.write_bytes(fragile.read_bytes()[:-800])
    for name in ("text.mp4", "fragile.mp4"):
        with pytest.raises(UserError, match=rf"{name} is no film, or it is cut off before"):
            translate_film(same, tmp_path / name, tmp_path / "made.mp4")
    with pytest.raises(UserError, match="no film or folder"):
        translate_film(same, tmp_path / "missing.mp4", tmp_path / "made.mp4")
    assert nothing_else(tmp_path, "text.mp4", "fragile.mp4")


def test_refused_before_anything_is_written(same: Translator, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 3)
    content = film.read_bytes()
    (tmp_path / "there.mp4").write_bytes(b"mine")
    (tmp_path / "f").mkdir()
    (tmp_path / "f/00001.png").write_bytes(b"mine")
    for out, options, why in (
        (film, {"overwrite": True}, "is the input"),
        (tmp_path / "there.mp4", {}, "exists already"),
        (tmp_path / "f/%05d.png", {}, r"00001\.png exists already"),
        (tmp_path / "new.avi", {}, r"no film that can be written: name it \.mp4"),
        (tmp_path / "g/%05d.txt", {}, "names no kind of picture"),
        (tmp_path / "new.mp4", {"fps": 25}, "has its own times"),
        (tmp_path / "new.mp4", {"smooth": 1}, r"smooth 1 is not in \[0, 1\)"),
    ):
        with pytest.raises(UserError, match=why):
            translate_film(same, film, out, **options)  # pyright: ignore
    with pytest.raises(UserError, match="say with --fps"):
        translate_film(same, tmp_path / "f", tmp_path / "new.mp4")
    assert film.read_bytes() == content
    assert (tmp_path / "there.mp4").read_bytes() == b"mine"
    assert not (tmp_path / "new.mp4").exists()
    assert translate_film(same, film, tmp_path / "there.mp4", overwrite=True).frames == 3


def test_numbered_frames_out_and_in(same: Translator, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 6)
    translate_film(same, film, tmp_path / "frames/%03d.png")
    assert nothing_else(tmp_path / "frames", *(f"{n:03}.png" for n in range(1, 7)))
    report = translate_film(same, tmp_path / "frames", tmp_path / "again.mp4", fps=12.5)
    times, frames, heard = read_film(report.out)
    assert times == pytest.approx([0.08 * n for n in range(6)])
    assert not heard
    assert np.abs(frames[3].astype(int) - read_film(film)[1][3]).mean() < 3


def test_stopping_leaves_nothing_behind(same: Translator, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 10)

    def stop(done: int, total: int | None) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"Stopped after 5 frames: nothing was written to .*made\.mp4\."):
        translate_film(same, film, tmp_path / "made.mp4", progress=stop)
    assert nothing_else(tmp_path, "film.mp4")
    with pytest.raises(Interrupted, match=r"Stopped after 5 frames: they are written as .*%02d\.png\."):
        translate_film(same, film, tmp_path / "made/%02d.png", progress=stop)
    assert nothing_else(tmp_path / "made", *(f"{n:02}.png" for n in range(1, 6)))


def test_few_frames_are_held_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a film of any length: as many as go through the network together."""
    most = 0

    class Count(Same):
        def forward(self, x: Tensor) -> Tensor:
            nonlocal most
            most = max(most, len(x))
            return x

    monkeypatch.setattr("unpaired.translation.translator.PIXELS_AT_ONCE", 4 * 48 * 64)
    film = write_film(tmp_path / "film.mp4", 30)
    translate_film(Translator(SMALL, {"a2b": Count}, device="cpu"), film, tmp_path / "made.mp4")
    assert most == 4


def test_without_the_package_it_is_named(same: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'unpaired\[video\]'"):
        translate_film(same, tmp_path / "film.mp4", tmp_path / "made.mp4")


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[tuple[str, threading.Event]]:
    """A stream that one joins in its middle, an hour after it began, and that never ends; unless the event says so."""
    film = write_film(tmp_path / "sent.ts", 120, start=3_600_000)
    content, end = film.read_bytes(), threading.Event()
    film.unlink()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.sendall(content[: len(content) // 2 if end.is_set() else None])
                    end.wait(30)

        thread = threading.Thread(target=send)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}", end
        end.set()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_some_seconds_of_a_stream(same: Translator, tmp_path: Path, sender: tuple[str, threading.Event]) -> None:
    address, _ = sender
    report = translate_film(same, address, tmp_path / "made.mp4", seconds=2)
    assert (report.frames, report.cut) == (50, None)
    times, frames, heard = read_film(tmp_path / "made.mp4")
    assert times == pytest.approx([0.04 * n for n in range(50)], abs=1e-3)
    assert np.abs(frames[20][:, :30].astype(int) - drawn(20, 48, 64)[:, :30]).mean() < 6
    assert heard
    assert nothing_else(tmp_path, "made.mp4")


def test_a_stream_that_ends_early(same: Translator, tmp_path: Path, sender: tuple[str, threading.Event]) -> None:
    address, end = sender
    end.set()
    report = translate_film(same, address, tmp_path / "%03d.png", seconds=60)
    assert 20 < report.frames < 100
    assert re.fullmatch(r"stopped after \d\.\d of 60 seconds", report.cut or "")


def test_what_has_no_end_needs_seconds(same: Translator, tmp_path: Path, sender: tuple[str, threading.Event]) -> None:
    address, _ = sender
    with pytest.raises(UserError, match="does not say when it ends: say with --seconds"):
        translate_film(same, address, tmp_path / "made.mp4")
    with pytest.raises(UserError, match=r"tcp://127\.0\.0\.1:1 cannot be read as a film: Connection refused"):
        translate_film(same, "tcp://127.0.0.1:1", tmp_path / "made.mp4", seconds=1)
    with pytest.raises(UserError, match="is no film that can be written"):
        translate_film(same, address, tmp_path / "out", seconds=1)
    assert nothing_else(tmp_path)


def test_some_seconds_of_a_film(same: Translator, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 30)
    report = translate_film(same, film, tmp_path / "made.mp4", seconds=0.5)
    assert (report.frames, report.cut) == (13, None)
    with pytest.raises(UserError, match="seconds 0 is not above 0"):
        translate_film(same, film, tmp_path / "none.mp4", seconds=0)


def test_a_film_file_that_does_not_say_how_long_it_is(same: Translator, tmp_path: Path) -> None:
    """As browsers record them. It ends all the same."""
    film = tmp_path / "recorded.mkv"
    with (
        av.open(str(write_film(tmp_path / "film.mp4", 12))) as source,
        av.open(str(film), "w", options={"live": "1"}) as made,
    ):
        stream = made.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    with av.open(str(film)) as opened:
        assert not opened.duration
        assert not opened.streams.video[0].duration
    report = translate_film(same, film, tmp_path / "made.mp4")
    assert (report.frames, report.cut) == (12, None)
    assert read_film(tmp_path / "made.mp4")[0] == pytest.approx(read_film(film)[0], abs=1e-3)


def test_sound_that_says_when_it_is_decoded_only() -> None:
    sound, packet = Sound(), av.Packet(b"sound")
    sound.begin = Fraction(1)
    packet.dts, packet.time_base = 180_000, Fraction(1, 90_000)
    assert packet.pts is None
    sound._met.append(packet)
    assert [(p.pts, p.dts) for p in sound.heard()] == [(None, 90_000)]


def test_a_camera_without_a_reader_for_it_is_told(
    same: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any character device stands for one."""
    monkeypatch.setattr(av, "formats_available", set())
    with pytest.raises(UserError, match=r"/dev/null is a camera, and this package av was built without v4l2"):
        translate_film(same, "/dev/null", tmp_path / "made.mp4", seconds=1)


def test_what_is_taken_for_a_film(tmp_path: Path) -> None:
    assert is_film([tmp_path / "a.MP4"], tmp_path / "out")
    assert is_film([tmp_path], tmp_path / "out.mkv")
    assert not is_film([tmp_path / "a.png"], tmp_path / "out")
    assert is_film(["rtsp://camera/live"], tmp_path / "%05d.png")
    assert is_film(["/dev/null"], tmp_path / "%05d.png")
    assert not is_film(["s3://bucket/films"], tmp_path / "out")


class Restless(nn.Module):
    """Answers with a brightness and a texture that hang on the noise, as networks with instance norm do."""

    multiple = 4

    def forward(self, x: Tensor) -> Tensor:
        texture = torch.sin(400 * x)
        return (0.8 * x + 0.1 * texture + 3 * x.mean((1, 2, 3), keepdim=True)).clamp(-1, 1)


def scene(frames: int = 16) -> tuple[list[NDArray[np.uint8]], NDArray[np.bool_]]:
    """A still, noisy background over which a textured square moves; and where nothing ever moves."""
    random = np.random.default_rng(0)
    ground = random.integers(60, 120, (64, 96, 3)).astype(float)
    square = random.integers(100, 255, (20, 20, 3)).astype(float)
    shown: list[NDArray[np.uint8]] = []
    still = np.ones((64, 96), bool)
    for n in range(frames):
        picture = ground + random.normal(0, 1.5, ground.shape)
        picture[20:40, 4 * n : 4 * n + 20] = square
        still[17:43, max(0, 4 * n - 3) : 4 * n + 23] = False
        shown.append(picture.clip(0, 255).astype(np.uint8))
    return shown, still


def test_smoothing_lowers_flicker_and_leaves_no_trail() -> None:
    translator = Translator(SMALL, {"a2b": Restless}, device="cpu", precision="float32")
    frames, still = scene()
    raw = translator.translate_arrays(frames)
    steady = Steady(0.8)
    steadied = [steady(x, y) for x, y in zip(frames, raw, strict=True)]

    def flicker(made: list[NDArray[np.uint8]]) -> float:
        steps = np.abs(np.diff(np.stack(made).astype(int), axis=0))
        return float(steps[:, still].mean())

    assert flicker(steadied) < 0.5 * flicker(raw)
    for n in range(1, len(frames)):
        inside = (slice(22, 38), slice(4 * n + 2, 4 * n + 18))
        assert np.abs(steadied[n][inside].astype(int) - raw[n][inside]).mean() < 1  # what moves is as it was
        left = (slice(20, 40), slice(max(0, 4 * n - 4), 4 * n))  # what it uncovers, without a trail
        assert np.abs(steadied[n][left].astype(int) - raw[n][left]).mean() < 1


def test_smoothing_follows_slow_fades_and_cuts() -> None:
    steady = Steady(0.9)
    for n in range(60):  # a step of 1 a frame is below the noise, 60 of them are not
        frame = np.full((16, 16, 3), 60 + n, np.uint8)
        made = steady(frame, frame)
        assert np.abs(made.astype(int) - frame).max() <= 6
    white = np.full((16, 16, 3), 250, np.uint8)
    assert np.array_equal(steady(white, white), white)


def test_no_smoothing_is_none() -> None:
    steady = Steady(0)
    frames, _ = scene(2)
    assert all(steady(frame, frame) is frame for frame in frames)
