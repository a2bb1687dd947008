"""The calls, over a real socket."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from served import Serving, make_run, picture, serving, write_checkpoint

import unpaired
from unpaired.errors import UserError
from unpaired.web.runs import Runs
from unpaired.web.settings import Settings


def test_a_picture_comes_back_as_the_translator_makes_it(server: Serving, small_run: Path) -> None:
    content = picture()
    answer = server.ask("/v1/translate?direction=a2b", content)
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    expected = unpaired.Translator.load(small_run, device="cpu")(Image.open(io.BytesIO(content)), "a2b")
    assert np.abs(answer.array.astype(int) - np.array(expected)).max() <= 1
    assert answer.headers["x-unpaired-images-seen"] == "100"
    assert answer.headers["x-unpaired-run"] == "zebra"


@pytest.mark.parametrize(("kind", "media"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp"), ("TIFF", "tiff")])
def test_every_picture_comes_back_in_its_format_and_size(server: Serving, kind: str, media: str) -> None:
    answer = server.ask("/v1/translate?direction=b2a", picture(23, 17, kind=kind))
    assert answer.headers["content-type"] == f"image/{media}"
    assert answer.array.shape == (17, 23, 3)


def test_grey_stays_grey_and_alpha_stays(server: Serving) -> None:
    assert server.ask("/v1/translate?direction=a2b", picture(mode="L")).array.shape == (16, 20)
    assert server.ask("/v1/translate?direction=a2b", picture(mode="RGBA")).array.shape == (16, 20, 4)


def test_format_and_quality_can_be_chosen(server: Serving) -> None:
    sizes = []
    for quality in (10, 95):
        answer = server.ask(f"/v1/translate?direction=a2b&format=jpeg&quality={quality}", picture(64, 64))
        assert answer.headers["content-type"] == "image/jpeg"
        sizes.append(len(answer.body))
    assert sizes[0] < sizes[1]


def test_a_form_is_taken_as_well_as_a_body(server: Serving) -> None:
    content = picture()
    form = (
        b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="../my horse\xc3\xa9.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--xyz--\r\n"
    )
    answer = server.ask("/v1/translate?direction=a2b", form, {"content-type": "multipart/form-data; boundary=xyz"})
    assert answer.body == server.ask("/v1/translate?direction=a2b", content).body
    assert unquote(answer.headers["content-disposition"]).endswith("''my horseé-a2b.png")


def test_the_direction_has_to_be_named_and_known(server: Serving) -> None:
    assert "direction=" in server.ask("/v1/translate", picture()).sentence
    answer = server.ask("/v1/translate?direction=a2c", picture())
    assert answer.status == 422
    assert "direction" in answer.sentence


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 400), (b"hello", 400), (picture()[:60], 400), (picture(3000, 1500), 413), (b"%PDF-1.7", 400)],
    ids=["nothing", "text", "cut off", "too many pixels", "pdf"],
)
def test_what_is_no_picture_gets_one_sentence(server: Serving, content: bytes, status: int) -> None:
    answer = server.ask("/v1/translate?direction=a2b", content)
    assert answer.status == status
    assert answer.sentence.endswith(".")


def test_pictures_that_come_together_are_translated_together(server: Serving) -> None:
    contents = [picture(seed=i) for i in range(12)]
    alone = [server.ask("/v1/translate?direction=a2b", c).array for c in contents]
    before = server.service.batcher.batches, server.service.batcher.pictures
    with ThreadPoolExecutor(12) as threads:
        together = list(threads.map(lambda c: server.ask("/v1/translate?direction=a2b", c).array, contents))
    for one, other in zip(alone, together, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1
    batches, pictures = server.service.batcher.batches - before[0], server.service.batcher.pictures - before[1]
    assert pictures == 12
    assert batches < 12


def test_a_full_queue_says_when_to_come_back(small_run: Path) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu", waiting=1)) as server:
        with ThreadPoolExecutor(16) as threads:
            answers = list(
                threads.map(lambda i: server.ask("/v1/translate?direction=a2b", picture(200, 200, seed=i)), range(16))
            )
        refused = [a for a in answers if a.status != 200]
        assert {a.status for a in answers} == {200, 429}
        assert all(int(a.headers["retry-after"]) >= 1 for a in refused)
        assert "waiting" in refused[0].sentence
        assert server.ask("/v1/translate?direction=a2b", picture()).status == 200
        assert server.service.batcher.taken == 0


def test_runs_and_health(server: Serving) -> None:
    (run,) = server.ask("/v1/runs").json
    assert run["name"] == "zebra"
    assert run["state"] == "finished"
    assert run["judged"] == pytest.approx(0.3)
    assert server.ask("/v1/runs/zebra").json == run
    assert server.ask("/v1/runs/horse").status == 404
    assert server.ask("/v1/health").json["status"] == "ok"


def test_metrics_count(server: Serving) -> None:
    server.ask("/v1/translate?direction=a2b", picture())
    text = server.ask("/v1/metrics").text
    assert 'unpaired_pictures_total{direction="a2b",run="zebra"}' in text
    assert 'unpaired_requests_total{path="/v1/translate",status="200"}' in text
    assert "unpaired_translate_seconds_bucket" in text


def test_a_better_checkpoint_is_taken_without_a_restart(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with serving(Runs.single(run)) as server:
        assert server.ask("/v1/translate?direction=a2b", picture()).headers["x-unpaired-images-seen"] == "100"
        write_checkpoint(run, images=200, seed=1)
        assert server.ask("/v1/translate?direction=a2b", picture()).headers["x-unpaired-images-seen"] == "200"


def test_a_run_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with serving(Runs.single(run)) as server:
        (run / "checkpoints" / "images-000000100").rename(tmp_path / "away")
        assert "no checkpoint yet" in server.ask("/v1/translate?direction=a2b", picture()).sentence


def test_openapi_describes_the_calls_with_examples(server: Serving) -> None:
    told = server.ask("/v1/openapi.json").json
    assert {"/v1/translate", "/v1/runs", "/v1/runs/{name}", "/v1/health", "/v1/metrics"} <= told["paths"].keys()
    post = told["paths"]["/v1/translate"]["post"]
    assert {"multipart/form-data", "image/png"} <= post["requestBody"]["content"].keys()
    assert "429" in post["responses"]
    assert "examples" in json.dumps(told)


def test_the_client(server: Serving, tmp_path: Path) -> None:
    client = unpaired.Client(server.address)
    (tmp_path / "horse.png").write_bytes(picture())
    made = client(tmp_path / "horse.png", "a2b")
    assert made.size == (20, 16)
    assert np.array_equal(np.array(made), np.array(client(Image.open(tmp_path / "horse.png"), "a2b")))
    assert client.translate(picture(), "a2b", format="webp", run="zebra")[8:12] == b"WEBP"
    assert client.runs()[0]["name"] == "zebra"
    assert client.health()["status"] == "ok"
    with pytest.raises(UserError, match="damaged or cut off"):
        client(picture()[:60], "a2b")
    with pytest.raises(UserError, match="cannot be read"):
        client(tmp_path / "none.png", "a2b")
    with pytest.raises(UserError, match="HOST:PORT"):
        unpaired.Client("127.0.0.1:8000")
    with pytest.raises(UserError, match="can't be reached"):
        unpaired.Client("http://127.0.0.1:9").health()


def test_the_client_waits_for_a_busy_server(small_run: Path) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu", waiting=1)) as server:
        client = unpaired.Client(server.address)
        with ThreadPoolExecutor(3) as threads:
            made = list(threads.map(lambda i: client(picture(100, 100, seed=i), "a2b").size, range(3)))
        assert made == [(100, 100)] * 3


def test_pages_are_taken(server: Serving) -> None:
    pages = [Image.new("RGB", (20, 16), (40 * i, 90, 120)) for i in range(3)]
    content = io.BytesIO()
    pages[0].save(content, "GIF", save_all=True, append_images=pages[1:])
    answer = server.ask("/v1/translate?direction=a2b", content.getvalue())
    assert answer.status == 200
    with Image.open(io.BytesIO(answer.body)) as image:
        assert image.n_frames == 3


def test_frames_count_as_pixels(server: Serving) -> None:
    frames = [Image.new("L", (1000, 1000), 10 * i) for i in range(6)]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    answer = server.ask("/v1/translate?direction=a2b", content.getvalue())
    assert answer.status == 413
    assert "on each of 6 pages" in answer.sentence


def test_an_unusual_picture_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    for domain, folder, count in (("a", tmp_path / "horses", 60), ("b", tmp_path / "zebras", 12)):  # 12 are too few
        folder.mkdir()
        for n in range(count):
            (folder / f"{n:02}.png").write_bytes(picture(40, 40, seed=n))
        record["folders"][domain] = str(folder)
    (run / "run.json").write_text(json.dumps(record))
    stripes = io.BytesIO()
    Image.fromarray(np.tile(np.array([0, 255], np.uint8), (40, 20))).save(stripes, "PNG")
    with serving(Runs.single(run)) as server:
        post = "/v1/translate?direction=a2b"
        assert "x-unpaired-unusual" not in server.ask(post, picture(40, 40)).headers
        told = "later"
        while told == "later":  # the training pictures are looked at
            told = server.ask(f"{post}&trust=true", picture(40, 40)).headers["x-unpaired-unusual"]
        assert float(told) < 99
        assert float(server.ask(f"{post}&trust=true", stripes.getvalue()).headers["x-unpaired-unusual"]) >= 99
        assert "x-unpaired-unusual" not in server.ask("/v1/translate?direction=b2a&trust=true", picture()).headers
