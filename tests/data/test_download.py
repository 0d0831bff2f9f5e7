"""Downloads, from a server on this machine: asked for, of a known size, with a checksum, whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import mapsto as mp
from mapsto import preview
from mapsto.data.download import Download, fetch
from mapsto.data.read import read
from mapsto.data.sources import _catalog, named
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions

CONTENT = b"a tiny file" * 1000


class Server(ThreadingHTTPServer):
    files: dict[str, bytes]
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(self.path)
        found = self.server.files.get(self.path)
        self.send_response(404 if found is None else 200)
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        del format, args


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.files, running.asked = {"/file": CONTENT}, []
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def of(server: Server, path: str = "/file", content: bytes = CONTENT, place: str = "set/file") -> Download:
    url = f"http://127.0.0.1:{server.server_port}{path}"
    return Download(url, len(content), hashlib.sha256(content).hexdigest(), place)


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_whole_and_once(server, tmp_path):
    path = fetch(of(server), tmp_path)
    assert path.read_bytes() == CONTENT
    assert fetch(of(server), tmp_path) == path
    assert (server.asked, left(tmp_path)) == (["/file"], ["set/file"])


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    fetch(of(server), tmp_path).write_bytes(b"x" * len(CONTENT))
    assert fetch(of(server), tmp_path).read_bytes() == CONTENT


FAULTS = {
    "not there": (lambda d: d._replace(url=d.url + "x"), "cannot be downloaded .*404"),
    "another content": (lambda d: d._replace(sha256="0" * 64), "is not the file that it was"),
    "too long": (lambda d: d._replace(size=10), "more than the 10 bytes"),
    "too short": (lambda d: d._replace(size=10**6), "ended after 11,000 of 1,000,000 bytes"),
    "no server": (lambda d: d._replace(url="http://127.0.0.1:9/x"), "cannot be downloaded"),
    "a local file": (lambda d: d._replace(url="file:///etc/passwd"), "no address of the web"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_goes_wrong_is_told_and_leaves_nothing(case, server, tmp_path):
    change, message = FAULTS[case]
    with pytest.raises(DataError, match=message):
        fetch(change(of(server)), tmp_path)
    assert left(tmp_path) == []


def idx(*shape: int) -> bytes:
    rng = np.random.default_rng(len(shape))
    data = rng.integers(0, 10, shape, dtype=np.uint8)
    return gzip.compress(bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + data.tobytes())


def test_a_named_set_is_downloaded_when_asked_for_and_then_read(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAPSTO_DATA", raising=False)
    monkeypatch.setattr(named, "DOWNLOADED", tmp_path / "cache")
    files = {f"{part}-images-idx3-ubyte.gz": idx(60, 28, 28) for part in ("train", "t10k")}
    files |= {f"{part}-labels-idx1-ubyte.gz": idx(60) for part in ("train", "t10k")}
    server.files = {f"/{name}": content for name, content in files.items()}
    small = tuple(of(server, f"/{name}", content, f"fashion-mnist/{name}") for name, content in files.items())
    known = _catalog.Known("small", 120, ("fashion-mnist",), small)
    monkeypatch.setitem(_catalog.SETS, "fashion-mnist", known)
    with pytest.raises(DataError, match="`mapsto datasets --download fashion-mnist` fetches it"):
        read("fashion-mnist", options=DataOptions())
    assert server.asked == []  # never unasked
    assert preview.download("fashion-mnist", root=tmp_path / "sets") == tmp_path / "sets"
    table = read("fashion-mnist", options=DataOptions(root=str(tmp_path / "sets")))
    assert (table.name, len(table)) == ("fashion-mnist", 120)
    assert preview.download("fashion-mnist") == tmp_path / "cache"
    assert len(read("fashion-mnist", options=DataOptions())) == 120


@pytest.mark.parametrize(
    ("name", "message"),
    [("minst", 'Did you mean "mnist"'), ("digits", "cannot be downloaded by mapsto; these can: mnist")],
)
def test_what_cannot_be_downloaded_is_told(name, message, tmp_path):
    with pytest.raises(DataError, match=message):
        preview.download(name, root=tmp_path)


def test_every_download_has_a_size_a_checksum_and_a_place_where_it_is_found():
    for name, known in _catalog.SETS.items():
        for file in known.downloads:
            assert file.url.startswith(("http://", "https://"))
            assert 0 < file.size < 2**30
            assert len(bytes.fromhex(file.sha256)) == 32
            assert any(file.path == place or file.path.startswith(f"{place}/") for place in known.places), name


def test_a_root_is_looked_in_first(tmp_path, monkeypatch):
    monkeypatch.setenv("MAPSTO_DATA", str(tmp_path / "environment"))
    for folder, count in (("environment", 40), ("root", 50)):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "mnist.npz", x=np.zeros((count, 2, 2), np.uint8), y=np.arange(count) % 2)
    assert len(read("mnist", options=DataOptions())) == 40
    assert len(read("mnist", options=DataOptions(root=str(tmp_path / "root")))) == 50
    listed = {row["name"]: row for row in mp.datasets(tmp_path / "root")}
    assert listed["mnist"]["path"] == str(tmp_path / "root" / "mnist.npz")
