"""What stands before every call: each line of docs/security.md has its test here or in its neighbours."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import Serving, make_run, picture, serving

from unpaired.errors import UserError
from unpaired.web import server as server_module
from unpaired.web.guard import COOKIE, Buckets, session_key
from unpaired.web.runs import Runs
from unpaired.web.settings import Settings, checked

TOKEN = "correct-horse-battery"
POST = "/v1/translate?direction=a2b"


@pytest.fixture(scope="module")
def locked(small_run: Path) -> Iterator[Serving]:
    with serving(Runs.single(small_run), Settings(device="cpu", token=TOKEN)) as running:
        yield running


@pytest.fixture(scope="module")
def tight(small_run: Path) -> Iterator[Serving]:
    settings = Settings(device="cpu", upload_mb=0.01, body_seconds=0.3, request_seconds=5)
    with serving(Runs.single(small_run), settings) as running:
        yield running


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_a_foreign_host_name_is_refused(server: Serving, host: str) -> None:
    answer = server.ask("/v1/runs", headers={"host": host})
    assert answer.status == 421
    assert "not known as" in answer.sentence


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000"])
def test_our_own_names_are_known(server: Serving, host: str) -> None:
    assert server.ask("/v1/runs", headers={"host": host}).status == 200


def test_names_can_be_added(small_run: Path) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu", allow_host=("gpu.lab",))) as server:
        assert server.ask("/v1/runs", headers={"host": "gpu.lab"}).status == 200
        assert server.ask("/v1/runs", headers={"host": "cpu.lab"}).status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.example"},
        {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
    ],
)  # fmt: skip
def test_another_sites_page_may_not_act(server: Serving, headers: dict[str, str]) -> None:
    answer = server.ask(POST, picture(), headers)
    assert answer.status == 403
    assert "another site" in answer.sentence


def test_our_own_page_and_programs_may(server: Serving) -> None:
    for headers in ({"origin": server.address}, {"sec-fetch-site": "same-origin"}, {}):
        assert server.ask(POST, picture(), headers).status == 200


def test_cors_is_closed(server: Serving) -> None:
    answer = server.ask("/v1/runs", headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    answer = server.ask(POST, method="OPTIONS", headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_every_answer_is_dressed(server: Serving) -> None:
    for path in ("/v1/runs", "/v1/runs/none", "/nothing"):
        headers = server.ask(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


def test_a_stranger_gets_health_only(locked: Serving) -> None:
    assert locked.ask("/v1/health").status == 200
    for path, body in (("/v1/runs", None), ("/v1/metrics", None), (POST, picture()), ("/v1/openapi.json", None)):
        answer = locked.ask(path, body)
        assert answer.status == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
    for wrong in ("Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"):
        assert locked.ask("/v1/runs", headers={"authorization": wrong}).status in (401, 429)


def test_who_knows_the_token_gets_in(locked: Serving) -> None:
    assert locked.ask("/v1/runs", headers={"authorization": f"Bearer {TOKEN}"}).status == 200
    assert locked.ask("/v1/runs", headers={"cookie": f"{COOKIE}={session_key(TOKEN)}"}).status == 200
    assert locked.ask("/v1/runs", headers={"cookie": f"{COOKIE}={TOKEN}"}).status == 401


def test_guessing_is_slowed_down(small_run: Path) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu", token=TOKEN)) as server:
        statuses = [server.ask("/v1/runs", headers={"authorization": f"Bearer {i:020}"}).status for i in range(8)]
        assert statuses == [401] * 5 + [429] * 3
        # Who knows it is not kept out by who does not.
        assert server.ask("/v1/runs", headers={"authorization": f"Bearer {TOKEN}"}).status == 200


def test_too_many_requests_are_told_when_to_come_back(small_run: Path) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu", rate=0.5)) as server:
        answers = [server.ask("/v1/health") for _ in range(4)]
        assert answers[0].status == 200
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) >= 1


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0.5, 10), st.floats(1, 8))
def test_a_bucket_lets_through_what_it_promises(pauses: list[float], rate: float, burst: float) -> None:
    now = 0.0
    bucket = Buckets(rate, burst, lambda: now)
    passed = 0
    for pause in pauses:
        now += pause
        passed += bucket.take("a") == 0
    assert passed <= burst + rate * now + 1e-6
    now += burst / rate + 1e-6
    assert bucket.take("a") == 0


def test_too_many_bytes_are_not_read(tight: Serving) -> None:
    answer = tight.ask(POST, b"x" * 20_000)
    assert answer.status == 413
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    head = f"POST {POST} HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    assert tight.raw(head + chunk + chunk + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")


def test_a_slow_body_is_given_up(tight: Serving) -> None:
    head = f"POST {POST} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc".encode()
    began = time.monotonic()
    answer = tight.raw(head)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive" in answer
    assert time.monotonic() - began < 3
    assert tight.service.batcher.taken == 0


def test_a_slow_head_is_given_up(tight: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "HEAD_SECONDS", 0.2)
    assert tight.raw(b"GET /v1/health HTTP/1.1\r\nhost: loc").startswith(b"HTTP/1.1 408")
    assert tight.raw(b"").startswith(b"HTTP/1.1 408")


def test_a_long_wait_ends_with_a_sentence(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu", request_seconds=0.2)) as server:
        monkeypatch.setattr(server.service.batcher, "_next", list)  # nothing is ever translated
        answer = server.ask(POST, picture())
        assert answer.status == 503
        assert "retry-after" in answer.headers
        assert server.service.batcher.taken == 0


def test_who_hangs_up_leaves_the_queue(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu")) as server:
        monkeypatch.setattr(server.service.batcher, "_next", list)
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("POST", POST, picture())
        _until(lambda: server.service.batcher.taken == 1)
        connection.close()
        _until(lambda: server.service.batcher.taken == 0)


def test_what_we_did_wrong_is_not_told(small_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Runs.single(small_run), Settings(device="cpu")) as server:

        def broken(name: str) -> None:
            raise RuntimeError(f"secret of {__file__}")

        monkeypatch.setattr(server.service.runs, "record", broken)
        answer = server.ask("/v1/runs/zebra")
        assert answer.status == 500
        assert "secret" not in answer.sentence


@pytest.mark.parametrize(
    "name", ["..", "../outside", "..%2foutside", "%2e%2e/outside", "link", ".hidden", "", "zebra/../../outside", "a\0b"]
)
def test_no_path_leaves_the_runs(tmp_path: Path, name: str) -> None:
    runs = tmp_path / "runs"
    make_run(runs / "zebra")
    make_run(tmp_path / "outside")
    make_run(runs / ".hidden")
    (runs / "link").symlink_to(tmp_path / "outside")
    found = Runs.below(runs)
    assert found.names() == ["zebra"]
    with pytest.raises(UserError, match="no run named"):
        found.folder(name)


def test_no_temporary_file_is_left(server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is larger than a megabyte lies in a file without a name, which the system takes back."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    large = picture(kind="BMP") + bytes(1 << 20)  # nothing to compute: readers pass over what follows a picture
    assert server.ask(POST, large).status == 200
    form = b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n%s\r\n--xyz--\r\n' % large
    assert server.ask(POST, form, {"content-type": "multipart/form-data; boundary=xyz"}).status == 200
    # What torch compiled is no upload.
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith("torchinductor_")] == []


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings(host="0.0.0.0"), "needs a token"), (Settings(host="::"), "needs a token"),
        (Settings(host="gpu.lab"), "needs a token"), (Settings(token="short"), "at least 16"),
        (Settings(token="päßword-that-is-long"), "can't stand in a header"), (Settings(port=70000), "not a port"),
        (Settings(waiting=0), "--waiting 0 is not above 0"), (Settings(upload_mb=-1), "--upload-mb"),
    ],
)  # fmt: skip
def test_unsafe_settings_are_refused(settings: Settings, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNPAIRED_TOKEN", raising=False)
    with pytest.raises(UserError, match=sentence):
        checked(settings)


def test_with_a_token_other_machines_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNPAIRED_TOKEN", TOKEN)
    assert checked(Settings(host="0.0.0.0")).token == TOKEN
    assert checked(Settings()).host == "127.0.0.1"


def _until(true: object, seconds: float = 5) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
