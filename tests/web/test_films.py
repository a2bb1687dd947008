"""Films in the studio: sent, translated one at a time, fetched, gone."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from served import Serving, film, make_run, serving

from unpaired.translation.video import translate_film
from unpaired.web import films
from unpaired.web.folders import Folders
from unpaired.web.runs import Runs

av = pytest.importorskip("av")
BEGIN = "/films?run=zebra&direction=a2b&name=horse.mp4"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    root = tmp_path_factory.mktemp("films")
    make_run(root / "runs" / "zebra")
    with serving(Runs.below(root / "runs"), folders=Folders([root])) as running:
        yield running


def wait(studio: Serving, name: str) -> Any:
    end = time.monotonic() + 60
    while (told := studio.ask(f"/films/{name}").json)["state"] in ("waiting", "working"):
        assert time.monotonic() < end
        time.sleep(0.05)
    return told


def test_a_film_comes_back_and_is_then_gone(studio: Serving, tmp_path: Path) -> None:
    content = film(tmp_path / "horse.mp4")
    name = studio.ask(BEGIN, content).json["film"]
    assert wait(studio, name) == {"state": "done", "frames": 12, "total": 12, "said": ""}
    answer = studio.ask(f"/films/{name}/translation")
    assert answer.headers["content-type"] == "video/mp4"
    (tmp_path / "zebra.mp4").write_bytes(answer.body)
    with av.open(str(tmp_path / "zebra.mp4")) as made, av.open(str(tmp_path / "horse.mp4")) as source:
        times = [[frame.time for frame in one.decode(video=0)] for one in (made, source)]
    assert times[0] == times[1]
    assert studio.ask(f"/films/{name}", method="DELETE").status == 200
    assert studio.ask(f"/films/{name}").status == 404
    assert studio.ask("/films/../../etc").status == 404


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n", "is no film"),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "is no film"),
        (b"no film", "is no film"),
        (b"", "is no film"),
    ],
    ids=["playlist", "list", "text", "nothing"],
)
def test_what_is_no_film_is_refused_and_leaves_nothing(studio: Serving, content: bytes, words: str) -> None:
    answer = studio.ask(BEGIN, content)
    assert answer.status == 400
    assert words in answer.sentence
    assert "/tmp" not in answer.sentence


def test_a_film_that_is_too_large_is_refused(tmp_path: Path, studio: Serving) -> None:
    answer = studio.ask(BEGIN, film(tmp_path / "large.mp4", 1, 2400, 1800))
    assert answer.status == 413
    assert "2400×1800" in answer.sentence


@pytest.mark.parametrize(
    ("mistake", "status"), [(OSError(28, "No space left on device"), 507), (MemoryError(), 500)], ids=["disk", "memory"]
)
def test_what_cannot_be_begun_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: Exception, status: int
) -> None:
    def full(*_: object) -> None:
        raise mistake

    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    make_run(tmp_path / "runs" / "zebra")
    content = film(tmp_path / "short.mp4", 3)
    with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as studio:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", full)
            answers = [studio.ask(BEGIN, content) for _ in range(films.WAITING + 1)]
        assert {a.status for a in answers} == {status}
        if status == 507:
            assert answers[0].sentence == "The film can't be stored here: No space left on device."
        (folder,) = place.iterdir()
        assert list(folder.iterdir()) == []
        assert wait(studio, studio.ask(BEGIN, content).json["film"])["frames"] == 3


def test_a_film_takes_all_threads_whatever_a_batch_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch gives a new thread as many as any thread asked for last."""
    seen: list[int] = []

    def watched(*args: Any, **options: Any) -> Any:
        seen.append(torch.get_num_threads())
        return translate_film(*args, **options)

    monkeypatch.setattr(films, "translate_film", watched)
    make_run(tmp_path / "runs" / "zebra")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as studio:
            batch = threading.Thread(target=torch.set_num_threads, args=(1,))
            batch.start()
            batch.join()
            assert wait(studio, studio.ask(BEGIN, film(tmp_path / "short.mp4", 3)).json["film"])["frames"] == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [3]


def test_films_wait_for_each_other_and_who_leaves_stops_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, gate = tmp_path / "temporary", threading.Event()
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    def held(*args: Any, **options: Any) -> Any:
        assert gate.wait(60)
        return translate_film(*args, **options)

    monkeypatch.setattr(films, "translate_film", held)
    make_run(tmp_path / "runs" / "zebra")
    content = film(tmp_path / "short.mp4", 3)
    with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as studio:
        names = [studio.ask(BEGIN, content).json["film"] for _ in range(films.WAITING)]
        answer = studio.ask(BEGIN, content)
        assert answer.status == 429
        assert "wait" in answer.sentence
        states = [studio.ask(f"/films/{n}").json["state"] for n in names]
        assert states.count("waiting") >= films.WAITING - 1
        kept = names.pop()
        for name in names:
            assert studio.ask(f"/films/{name}", method="DELETE").status == 200
        gate.set()
        assert wait(studio, kept)["frames"] == 3
        (folder,) = place.iterdir()
        assert [p.name for p in folder.iterdir()] == [kept]
    assert list(place.iterdir()) == []
