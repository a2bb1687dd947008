"""The studio without a browser: trainings as processes, pages that trust nothing, who may come in."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from served import Serving, make_run, picture, serving, tell

from unpaired.errors import UserError
from unpaired.run import checkpoint, checkpoints
from unpaired.run.folder import read_record
from unpaired.translation.film import FILMS
from unpaired.web.folders import Folders
from unpaired.web.guard import COOKIE
from unpaired.web.runs import Runs
from unpaired.web.settings import Settings
from unpaired.web.summary import summary
from unpaired.web.trainings import Trainings, checked, known_options

TINY = (
    "--size 36 --crop 32 --generator.width 4 --generator.blocks 1 --discriminator.kind patchgan "
    "--discriminator.width 4 --discriminator.layers 1 --batch 2 --held-out 0 --checkpoint-images 4"
)
EVIL = '<script>alert("x")</script>'


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    folders = [tmp_path / "a", tmp_path / "b"]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        for n in range(6):
            (folder / f"{n}.png").write_bytes(picture(40, 40, seed=10 * seed + n))
    return folders


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    root = tmp_path_factory.mktemp("studio")
    run = make_run(root / "runs" / "zebra", title=EVIL)
    tell(run, "warning", 100, text=EVIL)
    (root / "runs" / "damaged").mkdir()
    (root / "runs" / "damaged" / "run.json").write_text("{")
    (root / "secret").mkdir()
    with serving(Runs.below(root / "runs"), folders=Folders([root / "runs"])) as running:
        yield running


def test_a_training_outlives_its_server_and_is_found_again(tmp_path: Path, pictures: list[Path]) -> None:
    """Kill -9 of the server in the middle of a training: it goes on, is seen, can be stopped and gone on with."""
    runs = tmp_path / "runs"
    program = (
        "import sys, time; from pathlib import Path\n"
        "from unpaired.web.runs import Runs; from unpaired.web.trainings import Trainings\n"
        "pictures = [Path(p) for p in sys.argv[2:4]]\n"
        "Trainings(Runs.below(Path(sys.argv[1]))).start('tiny', pictures, 'fast', 30, sys.argv[4])\n"
        "print('started', flush=True); time.sleep(60)\n"
    )
    server = subprocess.Popen([sys.executable, "-c", program, runs, *pictures, TINY], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    assert server.stdout.readline() == "started\n"
    server.send_signal(signal.SIGKILL)
    server.wait()
    server.stdout.close()

    again = Trainings(Runs.below(runs))
    _until(lambda: (runs / "tiny" / "checkpoints").exists() and checkpoints.latest(runs / "tiny") is not None)
    process = again.process("tiny")
    assert process
    assert process.alive
    assert summary("tiny", read_record(runs / "tiny"), alive=True).state == "training"
    with pytest.raises(UserError, match="training already"):
        again.resume("tiny", None)
    with pytest.raises(UserError, match="stop it first"):
        again.delete("tiny")

    again.stop("tiny")
    again.stop("tiny")  # asking twice does not kill it
    _until(lambda: not (again.process("tiny") or process).alive)
    record = read_record(runs / "tiny")
    assert summary("tiny", record, alive=False).state == "stopped"
    whole = checkpoints.latest(runs / "tiny")
    assert whole
    checkpoint.read(whole).verify()

    again.resume("tiny", None)
    _until(lambda: read_record(runs / "tiny").images > record.images)
    found = again.process("tiny")
    assert found
    os.killpg(found.pid, signal.SIGKILL)  # and the training itself may be killed, too
    _until(lambda: not (again.process("tiny") or found).alive)
    for folder in checkpoints.of(runs / "tiny"):
        checkpoint.read(folder).verify()
    again.delete("tiny")
    assert not (runs / "tiny").exists()
    assert again.process("tiny") is None


def test_a_training_that_can_not_begin_says_why(tmp_path: Path, pictures: list[Path]) -> None:
    trainings = Trainings(Runs.below(tmp_path / "runs"))
    trainings.start("tiny", pictures, "fast", 1, "--crop 33")
    _until(lambda: not (trainings.process("tiny") or pytest.fail("gone")).alive)
    assert trainings.unborn() == ["tiny"]
    process = trainings.process("tiny")
    assert process
    assert "not a multiple" in (process.failure or "")
    trainings.delete("tiny")
    assert trainings.unborn() == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--out /tmp/x", "--out is not an option"), ("--resume x", "--resume is not"),
        ("--device cuda", "--device is not"),
        ("x --size 3", "'x' is not an option"), ("--siz 3", "perhaps you meant '--size'"),
        ("--size '3", "can't be read"),
        ("--preset paper", "--preset is not"), ("-h", "-h is not"),
    ],
)  # fmt: skip
def test_only_options_of_a_configuration_are_passed_on(options: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        checked(options)


def test_options_are_passed_on_as_they_are_typed() -> None:
    assert checked("--size 72 --crop=64 --discriminator.no-augment --learning-rate 1e-4")[:2] == ["--size", "72"]
    assert {"--method", "--size", "--generator.width", "--discriminator.no-augment"} <= set(known_options())


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a b", "é", "x" * 61, ".hidden", "--out"])
def test_names_of_new_runs_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="can't name a run"):
        Trainings(Runs.below(tmp_path)).start(name, [], "fast", None)


def test_pictures_are_chosen_below_their_folders_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = tmp_path / "pictures", tmp_path / "elsewhere"
    (inside / "horses").mkdir(parents=True)
    (inside / "horses" / "1.png").write_bytes(picture())
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    folders = Folders([inside])
    assert folders.choices() == [str(inside / "horses")]
    assert folders.chosen("horses", "A") == folders.chosen(str(inside / "horses"), "A") == (inside / "horses").resolve()
    monkeypatch.chdir(tmp_path)  # as it would be typed after `unpaired train`
    assert folders.chosen("pictures/horses", "A") == folders.chosen("horses", "A")
    for wrong in (
        "../elsewhere",
        "elsewhere",
        "pictures/link",
        str(outside),
        "link",
        "/etc",
        "horses/../..",
        "horses\0",
    ):
        with pytest.raises(UserError, match="Folder A"):
            folders.chosen(wrong, "A")
    with pytest.raises(UserError, match="not a folder"):
        Folders([tmp_path / "none"])


def test_a_run_is_called_what_says_something(tmp_path: Path) -> None:
    """What it translates, where its title or folders tell; folders named trainA and trainB don't."""
    emoji = summary("demo", read_record(make_run(tmp_path / "demo", title="Flat ↔ 3D emoji")), alive=False)
    assert (emoji.title, emoji.domains) == ("Flat ↔ 3D emoji", ("Flat", "3D emoji"))
    folders = read_record(make_run(tmp_path / "zebra"))
    assert summary("zebra", folders, alive=False).title == "horses ↔ zebras"
    folders.facts["folders"] = {"a": "city/trainA", "b": "city/trainB"}
    city = summary("city", folders, alive=False)
    assert (city.title, city.domains) == ("city", ("A", "B"))


def test_the_page_knows_every_kind_of_film(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "zebra")
    with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as server:
        told = re.search(r'data-films="([^"]*)"', server.ask("/translate").text)
    assert told
    assert set(told[1].split()) == FILMS


def test_names_and_texts_are_escaped_everywhere(studio: Serving) -> None:
    for path in ("/", "/runs/zebra", "/translate", "/judge", f"/runs/{'%3Cscript%3E'}", "/new"):
        text = studio.ask(path, headers={"accept": "text/html"}).text
        assert EVIL not in text
        assert "<script>" not in text
    assert "&lt;script&gt;alert" in studio.ask("/runs/zebra").text


def test_a_damaged_run_does_not_hide_the_others(studio: Serving) -> None:
    states = {run["name"]: run["state"] for run in studio.ask("/v1/runs").json}
    assert states == {"zebra": "finished", "damaged": "failed"}
    assert "damaged" in studio.ask("/", headers={"accept": "text/html"}).text


def test_pages_act_on_posts_of_their_own_only(studio: Serving) -> None:
    for path in ("/new", "/runs/zebra/delete", "/runs/zebra/stop", "/runs/zebra/resume", "/judge"):
        for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert studio.ask(path, b"sure=zebra", headers).status == 403
    assert (studio.service.runs.root / "zebra").exists()
    assert studio.ask("/runs/zebra/stop").status == 405  # nothing acts on a GET


def test_mistakes_are_shown_in_their_place(studio: Serving) -> None:
    answer = studio.submit("/new", name="tiny", a="../secret", preset="fast", minutes="5")
    assert answer.status == 400
    assert "does not lie below" in answer.text
    assert 'value="tiny"' in answer.text
    assert "two folders of pictures" in studio.submit("/new", name="tiny").text
    assert "not a number of minutes" in studio.submit("/new", name="x", demo="true", minutes="long").text
    assert "Nothing was deleted" in studio.submit("/runs/zebra/delete", sure="horse").text
    assert "not a training that this studio can stop" in studio.submit("/runs/zebra/stop").text


@pytest.mark.parametrize(
    "path",
    [
        "previews/..%2f..%2frun.json",
        "previews/run.json",
        "export/state.pt",
        "export/..%2fmanifest.json",
        "export/x.onnx",
    ],
)
def test_only_what_is_offered_is_given(studio: Serving, path: str) -> None:
    assert studio.ask(f"/runs/zebra/{path}").status == 404


def test_a_translator_can_be_had_as_a_file(studio: Serving) -> None:
    text = studio.ask("/runs/zebra").text
    assert all(f"/runs/zebra/export/{name}" in text for name in ("translator.safetensors", "a2b.onnx", "b2a.onnx"))
    answer = studio.ask("/runs/zebra/export/translator.safetensors", timeout=100)
    assert answer.status == 200
    assert "zebra-translator.safetensors" in answer.headers["content-disposition"]
    kept = list((studio.service.runs.root / ".studio" / "exports").iterdir())
    assert [p.read_bytes() for p in kept] == [answer.body]  # nothing half-made beside it


def test_a_report_is_no_part_of_the_site(studio: Serving) -> None:
    policy = studio.ask("/runs/zebra/report").headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy


def test_a_live_page_tells_what_is_new_and_ends_with_the_server(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "zebra")
    import http.client

    with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/runs/zebra/live")
        stream = connection.getresponse()
        assert stream.getheader("content-type", "").startswith("text/event-stream")
        assert b'"images": 100' in stream.readline()
        stream.readline()
        tell(run, "progress", 140, terms={}, rate=3.0, done=0.5, learning_rate=0)
        assert b'"images": 140' in stream.readline()
    assert stream.read().strip() == b""  # the server stopped, and so did the stream
    connection.close()


def test_logging_in(tmp_path: Path) -> None:
    token = "correct-horse-battery"
    make_run(tmp_path / "runs" / "zebra")
    settings = Settings(device="cpu", token=token)
    with serving(Runs.below(tmp_path / "runs"), settings, Folders([tmp_path])) as server:
        answer = server.ask("/runs/zebra", headers={"accept": "text/html"})
        assert (answer.status, answer.headers["location"]) == (303, "/login?next=/runs/zebra")
        assert "Token" in server.ask("/login").text
        assert server.ask("/static/studio.css").status == 200
        assert "not the token" in server.submit("/login", token="wrong", next="/").text
        for wrong in ("//evil.example", "https://evil.example", "/\\evil.example"):
            assert server.submit("/login", token=token, next=wrong).headers["location"] == "/", wrong
        answer = server.submit("/login", token=token, next="/runs/zebra")
        assert answer.headers["location"] == "/runs/zebra"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert token not in cookie
        session = cookie.partition(";")[0]
        assert session.startswith(f"{COOKIE}=")
        assert server.ask("/runs/zebra", headers={"cookie": session}).status == 200


def _until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
