"""Data sets from a server: gone on with after a cut, checked, and unpacked where nothing can get out."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.data import named
from unpaired.data.archive import unpack
from unpaired.data.catalog import CATALOG, ELSEWHERE
from unpaired.data.download import download
from unpaired.errors import UserError

DATA = bytes(range(256)) * 2000


class Server(BaseHTTPRequestHandler):
    """Serves `files`; each request gets `cut` bytes at most, where that is given, and is remembered."""

    files: ClassVar[dict[str, bytes]] = {}
    cut: ClassVar[int | None] = None
    ranges: ClassVar[bool] = True
    asked: ClassVar[list[str | None]] = []
    etag: ClassVar[str] = '"one"'

    def do_GET(self) -> None:
        data = self.files.get(self.path)
        asked = self.headers.get("Range")
        self.asked.append(asked)
        if data is None:
            self.send_error(404)
            return
        begin = 0
        if asked and self.ranges and self.headers.get("If-Range") == self.etag:
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            if begin >= len(data):
                self.send_error(416)
                return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        self.send_header("ETag", self.etag)
        self.end_headers()
        self.wfile.write(data[begin : None if self.cut is None else begin + self.cut])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, type[Server]]]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Mine(Server):
        files: ClassVar[dict[str, bytes]] = {"/data.bin": DATA}
        asked: ClassVar[list[str | None]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Mine) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}", Mine
        http.shutdown()
        thread.join()


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return data.getvalue()


def tarred(files: dict[str, bytes], change: Callable[[tarfile.TarInfo], None] = lambda info: None) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


# Downloads


def test_a_download_is_whole(server: tuple[str, type[Server]], tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    download(f"{server[0]}/data.bin", tmp_path / "deep/data.bin", lambda *p: seen.append(p))
    assert (tmp_path / "deep/data.bin").read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["data.bin"]


@pytest.mark.parametrize("ranges", [True, False])
def test_what_was_cut_off_goes_on(server: tuple[str, type[Server]], tmp_path: Path, ranges: bool) -> None:
    address, serves = server
    serves.cut, serves.ranges = 300_000, ranges
    with pytest.raises(UserError, match=r"cut off.*the same command goes on"):
        download(f"{address}/data.bin", tmp_path / "data.bin")
    assert not (tmp_path / "data.bin").exists()
    serves.cut = None
    download(f"{address}/data.bin", tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == DATA
    assert serves.asked == [None, "bytes=300000-"]


def test_a_file_that_changed_in_between_is_got_anew(server: tuple[str, type[Server]], tmp_path: Path) -> None:
    address, serves = server
    serves.cut = 300_000
    with pytest.raises(UserError, match="cut off"):
        download(f"{address}/data.bin", tmp_path / "data.bin")
    serves.cut, serves.etag, serves.files["/data.bin"] = None, '"two"', DATA[::-1]
    download(f"{address}/data.bin", tmp_path / "data.bin")
    assert (tmp_path / "data.bin").read_bytes() == DATA[::-1]


def test_no_such_file_and_no_network(server: tuple[str, type[Server]], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the server says 404"):
        download(f"{server[0]}/nothing", tmp_path / "data.bin")
    with pytest.raises(UserError, match=r"can't be reached.*is this machine online"):
        download("http://127.0.0.1:9/data.bin", tmp_path / "data.bin")
    assert list(tmp_path.iterdir()) == []


# Named data sets


def test_the_catalog_is_whole() -> None:
    assert {"horse2zebra", "grumpifycat", "monet2photo", "maps", "pix2pix/edges2shoes"} <= CATALOG.keys()
    for name, entry in CATALOG.items():
        assert entry.address is None or entry.address.split("/")[-1].split(".")[0] == name.split("/")[-1]
        assert entry.licence
        assert entry.cite
        assert entry.holds
        assert entry.sha256 is None or len(bytes.fromhex(entry.sha256)) == 32


def test_get_unpacks_records_and_does_nothing_again(server: tuple[str, type[Server]], tmp_path: Path) -> None:
    address, serves = server
    serves.files["/mini.zip"] = zipped({"mini/trainA/1.jpg": b"a", "mini/trainB/1.jpg": b"b"})
    home = named.get("mini", tmp_path, address=f"{address}/mini.zip")
    assert home == tmp_path / "mini"
    assert (home / "trainA/1.jpg").read_bytes() == b"a"
    record = json.loads((tmp_path / "checksums.json").read_text())
    assert record == {"mini": hashlib.sha256(serves.files["/mini.zip"]).hexdigest()}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checksums.json", "mini"]
    asked = len(serves.asked)
    assert named.get("mini", tmp_path, address=f"{address}/mini.zip") == home
    assert len(serves.asked) == asked


def test_another_checksum_is_refused_unless_wanted(server: tuple[str, type[Server]], tmp_path: Path) -> None:
    address, serves = server
    for content, name in ((b"a", "mini"), (b"other", "horse2zebra")):
        serves.files["/x.zip"] = zipped({"x/trainA/1.jpg": content})
        (tmp_path / "checksums.json").write_text(json.dumps({"mini": "00"}))
        with pytest.raises(UserError, match=r"has the SHA-256 .* not .* as on record"):
            named.get(name, tmp_path, address=f"{address}/x.zip")
        assert not (tmp_path / name).exists()
        home = named.get(name, tmp_path, address=f"{address}/x.zip", new_checksum=True)
        assert (home / "trainA/1.jpg").read_bytes() == content


def test_names_that_are_none() -> None:
    with pytest.raises(UserError, match="perhaps you meant 'horse2zebra'"):
        named.find("horse2zebr")
    with pytest.raises(UserError, match="register at cityscapes"):
        named.find("cityscapes")
    assert not ELSEWHERE.keys() & CATALOG.keys()


# Archives

EVIL = ["../evil", "/evil", "a/../../evil", "a\\..\\evil", "C:/evil", ".."]


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", EVIL)
def test_nothing_gets_out_of_the_folder(pack: Callable[..., bytes], name: str, tmp_path: Path) -> None:
    archive = tmp_path / "in/archive"
    archive.parent.mkdir()
    archive.write_bytes(pack({"good.jpg": b"x", name: b"evil"}))
    with pytest.raises(UserError, match=r"outside of its folder: nothing was unpacked|damaged"):
        unpack(archive, tmp_path / "in/out")
    assert [p.name for p in tmp_path.iterdir()] == ["in"]
    assert [p.name for p in archive.parent.iterdir()] == ["archive"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname, info.size = kind, "/etc/passwd", 0

    (tmp_path / "a.tar.gz").write_bytes(tarred({"link.jpg": b""}, change))
    with pytest.raises(UserError, match="is a link or a device"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="is a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_out_of_proportion(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bmp", bytes(10_000_000))
    with pytest.raises(UserError, match="out of proportion"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@given(cut=st.integers(1, 400), pack=st.sampled_from([zipped, tarred]))
@settings(max_examples=30, deadline=None)
def test_a_cut_archive_leaves_nothing(
    cut: int, pack: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    data = pack({f"train/{n}.jpg": bytes([n, 7 * n % 256]) * 50 for n in range(9)})
    (folder / "a").write_bytes(data[: max(1, len(data) - cut)])
    count = 0
    with suppress(UserError):
        count = unpack(folder / "a", folder / "out")
    assert count in (0, 9)  # what is cut off may be padding
    assert len(list(folder.rglob("*.jpg"))) == count
