"""The downloader against a server on this machine that serves the right files, and then everything else."""

import functools
import gzip
import hashlib
import io
import os
import socket
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import requests

from mnistlab import data, files, idx

NAMES = [file.name for file in files.SOURCES["mnist"].files]
RNG = np.random.default_rng(6)
# A made-up dataset; the images are noise, so that they are long even when packed.
ARRAYS = [
    RNG.integers(0, most, shape, dtype=np.uint8)
    for most, shape in ((256, (300, 28, 28)), (10, 300), (256, (90, 28, 28)), (10, 90))
]
RAW = {name: idx.header(array.shape) + array.tobytes() for name, array in zip(NAMES, ARRAYS)}
PACKED = {name: gzip.compress(content, 1) for name, content in RAW.items()}
FILES = tuple(files.DataFile(name, len(RAW[name]), hashlib.sha256(RAW[name]).hexdigest()) for name in NAMES)


def answer(handler, content, status=200, **headers):
    """Send these bytes; headers: further ones, with _ for -."""
    handler.send_response(status)
    for name, value in {"Content_Length": len(content), **headers}.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(content)


# What a mirror may do: functions of the request's handler and the name that was asked for.


def right(handler, name):
    answer(handler, PACKED[name])


def unavailable(handler, name):
    answer(handler, b"come back later", 503)


def not_found(handler, name):
    answer(handler, b"no such file", 404)


def a_page(handler, name):
    answer(handler, b"<!doctype html><title>Sign in to the school network</title>", Content_Type="text/html")


def nothing(handler, name):
    answer(handler, b"")


def cut(handler, name):
    answer(handler, PACKED[name][: len(PACKED[name]) // 2], Content_Length=len(PACKED[name]))


def cut_without_a_length(handler, name):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(PACKED[name][: len(PACKED[name]) // 2])


def flipped(handler, name):
    content = bytearray(RAW[name])
    content[-1] ^= 1
    answer(handler, gzip.compress(bytes(content), 1))


def too_long(handler, name):
    answer(handler, gzip.compress(RAW[name] + b"\0", 1))


def too_short(handler, name):
    answer(handler, gzip.compress(RAW[name][:-1], 1))


def stall(handler, name):
    handler.server.over.wait(5)  # then right, so that a downloader without a time-out is found out
    right(handler, name)


def stall_half_way(handler, name):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(PACKED[name])))
    handler.end_headers()
    handler.wfile.write(PACKED[name][:3])
    handler.wfile.flush()
    handler.server.over.wait(5)
    handler.wfile.write(PACKED[name][3:])


def trickle(handler, name):
    """A byte now and then: each in time, and the whole file never."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(PACKED[name])))
    handler.end_headers()
    for place in range(500):
        handler.wfile.write(PACKED[name][place : place + 1])
        handler.server.over.wait(0.01)
    handler.wfile.write(PACKED[name][500:])


def hang_up(handler, name):
    handler.connection.shutdown(socket.SHUT_RDWR)


def declared_as_an_encoding(handler, name):
    answer(handler, PACKED[name], Content_Encoding="gzip")


FAILURES = {
    unavailable: "HTTP status 503",
    not_found: "HTTP status 404",
    a_page: "not a gzip file",
    nothing: "the compressed data ends too early",
    cut: "the answer was cut short",
    cut_without_a_length: "the compressed data ends too early",
    flipped: "wrong SHA-256",
    too_long: "more than the 235216 bytes expected",
    too_short: "only 235215 of 235216 bytes",
    stall: "no answer in time",
    stall_half_way: "no answer in time",
    trickle: "too slow",
    hang_up: "no connection",
}


class Server(ThreadingHTTPServer):
    """Mirrors on a free port of this machine: /NAME/ behaves as the function of that name. asked: every path so far."""

    daemon_threads = False

    def __init__(self, behaviours):
        self.behaviours = {function.__name__: function for function in behaviours}
        self.asked, self.over = [], threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    def address(self, behaviour, end="/"):
        return f"http://127.0.0.1:{self.server_port}/{behaviour.__name__}{end}"

    def count(self, behaviour):
        return sum(path.startswith(f"/{behaviour.__name__}/") for path in self.asked)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        mirror, name = self.path.strip("/").split("/", 1)
        try:
            self.server.behaviours[mirror](self, name.removesuffix(".gz").split("/")[-1])
        except OSError:
            pass  # the downloader has heard enough and hung up

    def log_message(self, *_):
        pass


@contextmanager
def running(*behaviours):
    with Server(behaviours) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def serve():
    with running(right, *FAILURES, declared_as_an_encoding) as server:
        yield server


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    """A proxy that this machine may be told to use does not know 127.0.0.1."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def dead():
    """The address of a port where nobody answers."""
    with socket.socket() as held:  # bound but not listening, so nobody else can take it
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/"


def fetch(folder, *mirrors, progress=None, timeout=5.0, rounds=1, pause=0.0, **options):
    source = files.Source(FILES, mirrors)
    files.download(source, folder, progress, timeout=timeout, rounds=rounds, pause=pause, **options)


def hurry(failure):
    """The options with which a failure shows soon."""
    return {stall: {"timeout": 1.0}, stall_half_way: {"timeout": 1.0}, trickle: {"patience": 0.2}}.get(failure, {})


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# Every failure of a mirror leads to the next


def test_a_right_mirror_supplies_all_four_files_bit_for_bit(serve, tmp_path):
    fetch(tmp_path / "new" / "folder", serve.address(right))
    assert contents(tmp_path) == RAW
    assert sorted(serve.asked) == sorted(f"/right/{name}.gz" for name in NAMES)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda function: function.__name__)
def test_after_a_failure_the_next_mirror_supplies_the_files_bit_for_bit(serve, tmp_path, failure):
    fetch(tmp_path, serve.address(failure), serve.address(right), **hurry(failure))
    assert serve.count(failure) == 1 and serve.count(right) == 4
    assert contents(tmp_path) == RAW


def test_after_a_dead_port_the_next_mirror_supplies_the_files(serve, tmp_path, dead):
    fetch(tmp_path, dead, serve.address(right))
    assert contents(tmp_path) == RAW


@pytest.mark.parametrize("failure", FAILURES, ids=lambda function: function.__name__)
def test_when_all_mirrors_fail_each_ones_reason_is_named_and_nothing_is_left_behind(serve, tmp_path, dead, failure):
    with pytest.raises(files.DownloadError) as caught:
        fetch(tmp_path, serve.address(failure), dead, **hurry(failure))
    assert str(caught.value) == (
        f"The files could not be downloaded. Tried {serve.address(failure)}: {FAILURES[failure]}; "
        f"{dead}: no connection. Check the connection and try again; the bundled sample works without one."
    )
    assert contents(tmp_path) == {}


def test_a_server_that_declares_gz_files_as_an_encoding_is_understood(serve, tmp_path):
    fetch(tmp_path, serve.address(declared_as_an_encoding))
    assert contents(tmp_path) == RAW


def test_a_file_that_comes_fast_enough_needs_no_patience(serve, tmp_path):
    fetch(tmp_path, serve.address(right), patience=0.0)
    assert contents(tmp_path) == RAW


def test_rounds_are_bounded_and_every_round_asks_every_mirror(serve, tmp_path):
    with pytest.raises(files.DownloadError):
        fetch(tmp_path, serve.address(unavailable), serve.address(a_page), rounds=3)
    assert [path.split("/")[1] for path in serve.asked] == ["unavailable", "a_page"] * 3


def test_the_pause_between_rounds_doubles(serve, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(files.time, "sleep", pauses.append)
    with pytest.raises(files.DownloadError):
        fetch(tmp_path, serve.address(unavailable), rounds=4, pause=1.0)
    assert pauses == [1.0, 2.0, 4.0]


def test_a_mirror_that_recovers_is_asked_again_in_the_next_round(tmp_path):
    def moody(handler, name):
        (unavailable if len(handler.server.asked) == 1 else right)(handler, name)

    with running(moody) as server:
        fetch(tmp_path, server.address(moody), rounds=2)
    assert contents(tmp_path) == RAW


# What is there is kept, what is wrong is replaced


def test_files_that_arrived_whole_are_kept_and_not_fetched_again(tmp_path):
    def half(handler, name):
        (right if name.startswith("train") else unavailable)(handler, name)

    with running(half, right) as server:
        with pytest.raises(files.DownloadError):
            fetch(tmp_path, server.address(half))
        assert set(contents(tmp_path)) == {name for name in NAMES if name.startswith("train")}
        fetch(tmp_path, server.address(right))
        assert [path for path in server.asked if path.startswith("/right")] == [f"/right/{n}.gz" for n in NAMES[2:]]
    assert contents(tmp_path) == RAW


def test_nothing_is_fetched_where_all_is_there(serve, tmp_path):
    for name, content in RAW.items():
        (tmp_path / name).write_bytes(content)
    fetch(tmp_path, serve.address(right))
    assert serve.asked == []


@pytest.mark.parametrize("wrong", [b"", b"<html>", RAW[NAMES[0]][:-1], RAW[NAMES[0]][:-1] + b"\0"],
                         ids=["empty", "a page", "too short", "another hash"])
def test_a_wrong_file_in_its_place_raw_and_gz_is_replaced(serve, tmp_path, wrong):
    (tmp_path / NAMES[0]).write_bytes(wrong)
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(gzip.compress(wrong))
    fetch(tmp_path, serve.address(right))
    assert contents(tmp_path) == RAW


def test_a_wrong_file_stays_until_a_right_one_has_arrived(serve, tmp_path):
    (tmp_path / NAMES[0]).write_bytes(b"wrong")
    with pytest.raises(files.DownloadError):
        fetch(tmp_path, serve.address(cut))
    assert contents(tmp_path) == {NAMES[0]: b"wrong"}


def test_good_gz_files_count_and_stay_when_another_file_is_missing(serve, tmp_path):
    kept = {f"{name}.gz": PACKED[name] for name in NAMES[:3]}
    for name, content in kept.items():
        (tmp_path / name).write_bytes(content)
    fetch(tmp_path, serve.address(right))
    assert serve.asked == [f"/right/{NAMES[3]}.gz"]
    assert contents(tmp_path) == {**kept, NAMES[3]: RAW[NAMES[3]]}


def test_unfinished_files_of_yesterday_are_removed_and_younger_and_other_ones_are_not(serve, tmp_path):
    old, young, others = "part-00112233445566aa", "part-00112233445566bb", ["part-1", "part-of-my-thesis-2"]
    for name in (old, young, *others):
        (tmp_path / name).write_bytes(b"begun")
        if name != young:
            os.utime(tmp_path / name, (1, 1))
    fetch(tmp_path, serve.address(right))
    assert set(contents(tmp_path)) == {*NAMES, young, *others}


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_files_are_as_readable_as_any_other_new_file(serve, tmp_path):
    (tmp_path / "plain").write_text("")
    fetch(tmp_path / "data", serve.address(right))
    modes = {path.stat().st_mode for path in [tmp_path / "plain", *(tmp_path / "data").iterdir()]}
    assert len(modes) == 1


def test_a_folder_that_cannot_be_written_is_named_with_the_option_that_chooses_another(serve, tmp_path):
    (tmp_path / "wall").write_text("")
    with pytest.raises(files.CannotWrite, match="wall/data cannot be written .* --data-dir .* MNISTLAB_DATA"):
        fetch(tmp_path / "wall" / "data", serve.address(right))
    with pytest.raises(files.CannotWrite):
        fetch(tmp_path / "wall", serve.address(right))


# Progress


def test_progress_rises_to_the_total_and_counts_bytes(serve, tmp_path):
    seen = []
    fetch(tmp_path, serve.address(right), progress=lambda *pair: seen.append(pair))
    total = sum(map(len, RAW.values()))
    done = [pair[0] for pair in seen]
    assert {pair[1] for pair in seen} == {total}
    assert seen[-1] == (total, total)
    assert done == sorted(done) and len(set(done)) > 4
    ends = np.cumsum([len(RAW[name]) for name in NAMES])
    assert set(ends) <= set(done)


def test_progress_starts_behind_what_is_there_already(serve, tmp_path):
    (tmp_path / NAMES[0]).write_bytes(RAW[NAMES[0]])
    seen = []
    fetch(tmp_path, serve.address(right), progress=lambda done, total: seen.append(done))
    assert seen[0] > len(RAW[NAMES[0]])


def test_progress_after_a_failure_ends_at_the_total_too(serve, tmp_path):
    seen = []
    fetch(tmp_path, serve.address(cut), serve.address(right), progress=lambda *pair: seen.append(pair))
    assert seen[-1][0] == seen[-1][1] == max(done for done, _ in seen)


# One archive with the four arrays


def archive(arrays, save=np.savez_compressed):
    content = io.BytesIO()
    save(content, **dict(zip(("x_train", "y_train", "x_test", "y_test"), arrays)))
    return content.getvalue()


def fetch_archive(folder, content):
    def packed(handler, name):
        answer(handler, content)

    with running(packed) as server:
        fetch(folder, server.address(packed, "/data.npz"))
        assert len(server.asked) == 1


@pytest.mark.parametrize("save", [np.savez_compressed, np.savez])
def test_an_npz_mirror_supplies_the_same_files_bit_for_bit(tmp_path, save):
    fetch_archive(tmp_path, archive(ARRAYS, save))
    assert contents(tmp_path) == RAW


def encrypted_member():
    """A zip whose member says that it is encrypted."""
    content = bytearray(archive(ARRAYS))
    place = content.index(b"PK\x01\x02")
    content[place + 8] |= 1
    content[6] |= 1
    return bytes(content)


def one_member(content):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as folder:
        folder.writestr("x_train.npy", content)
    return packed.getvalue()


def huge_dimensions():
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 28, 28)})
    return one_member(header.getvalue())


WRONG_ARCHIVES = {
    "other values": (archive([ARRAYS[0] ^ 1, *ARRAYS[1:]]), "wrong SHA-256"),
    "other shape": (archive([ARRAYS[0].reshape(-1, 784), *ARRAYS[1:]]), "only 235212 of 235216"),
    "fewer images": (archive([ARRAYS[0][:-1], *ARRAYS[1:]]), "only"),
    "floats": (archive([np.zeros((300, 28, 28)), *ARRAYS[1:]]), "x_train is not unsigned bytes, row by row"),
    "objects": (archive([np.array([{}]), *ARRAYS[1:]], np.savez), "x_train is not unsigned bytes"),
    "column order": (archive([np.asfortranarray(ARRAYS[0]), *ARRAYS[1:]]), "x_train is not unsigned bytes"),
    "an array missing": (one_member(b""), "not a NumPy archive"),
    "a page": (b"<!doctype html>", "not a NumPy archive"),
    "empty": (b"", "not a NumPy archive"),
    "half of it": (archive(ARRAYS)[:150_000], "not a NumPy archive"),
    "encrypted": (encrypted_member(), "not a NumPy archive"),
    "huge dimensions": (huge_dimensions(), "not a NumPy archive"),
    "endless": (bytes(2_000_000), "an archive larger than the data in it"),
}


@pytest.mark.parametrize("content, reason", WRONG_ARCHIVES.values(), ids=WRONG_ARCHIVES)
def test_a_wrong_npz_is_refused_with_the_reason_and_leaves_nothing(tmp_path, content, reason):
    with pytest.raises(files.DownloadError, match=f"data.npz: {reason}"):
        fetch_archive(tmp_path, content)
    assert contents(tmp_path) == {}


def test_after_a_wrong_npz_the_next_mirror_supplies_the_files(tmp_path):
    def packed(handler, name):
        answer(handler, archive([ARRAYS[0], ARRAYS[1] ^ 1, *ARRAYS[2:]]))

    with running(packed, right) as server:
        fetch(tmp_path, server.address(packed, "/data.npz"), server.address(right))
        assert server.count(right) == 3  # the first array was right and is kept
    assert contents(tmp_path) == RAW


# data.download


def a_school(handler, name):
    if not handler.path.startswith("/a_school/mnist/"):
        return not_found(handler, name)
    right(handler, name)


@pytest.fixture
def made_up(monkeypatch):
    """The made-up dataset in the place of mnist, without a mirror of its own."""
    monkeypatch.setitem(files.SOURCES, "mnist", files.Source(FILES))


def test_the_variable_mnistlab_mirror_is_asked_first(made_up, serve, tmp_path, monkeypatch):
    monkeypatch.setitem(files.SOURCES, "mnist", files.Source(FILES, (serve.address(right),)))
    with running(a_school) as school:
        for end in ("", "/"):
            monkeypatch.setenv("MNISTLAB_MIRROR", school.address(a_school, end))
            folder = data.download("mnist", tmp_path / f"data{len(end)}", rounds=1)
            assert folder == tmp_path / f"data{len(end)}" / "mnist" and contents(folder) == RAW
        assert len(school.asked) == 8 and serve.asked == []


def test_after_the_variables_mirror_the_public_ones_are_asked(serve, tmp_path, monkeypatch, dead):
    monkeypatch.setitem(files.SOURCES, "mnist", files.Source(FILES, (serve.address(right),)))
    monkeypatch.setenv("MNISTLAB_MIRROR", dead)
    assert contents(data.download("mnist", tmp_path)) == RAW


def test_what_is_here_already_is_not_downloaded(made_up, tmp_path):
    for name, content in PACKED.items():
        (tmp_path / f"{name}.gz").write_bytes(content)
    data.download("mnist", tmp_path)  # there is no mirror to ask
    assert set(contents(tmp_path)) == {f"{name}.gz" for name in NAMES}


def test_the_sample_needs_no_download(tmp_path):
    assert (data.download("sample", tmp_path) / "LICENSE.txt").is_file()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_the_folder_that_holds_the_files_is_returned(made_up, tmp_path, subfolder):
    folder = tmp_path / subfolder
    folder.mkdir(exist_ok=True)
    for name, content in RAW.items():
        (folder / name).write_bytes(content)
    assert data.download("mnist", tmp_path) == folder


def test_where_a_folder_is_named_what_lies_in_the_cache_does_not_count(serve, tmp_path, monkeypatch):
    monkeypatch.setitem(files.SOURCES, "mnist", files.Source(FILES, (serve.address(right),)))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = data.download("mnist")
    assert cache == tmp_path / "cache" / "mnistlab" / "mnist" and contents(cache) == RAW
    assert data.download("mnist") == cache and len(serve.asked) == 4
    assert data.download("mnist", tmp_path / "stick") == tmp_path / "stick" / "mnist"
    monkeypatch.setenv("MNISTLAB_DATA", str(tmp_path / "variable"))
    assert data.download("mnist") == tmp_path / "variable" / "mnist"
    assert contents(tmp_path / "stick" / "mnist") == contents(tmp_path / "variable" / "mnist") == RAW


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_a_dataset_has_several_mirrors_over_https_and_not_the_site_that_refuses_downloads(name):
    source = files.SOURCES[name]
    assert len(source.mirrors) == 3
    assert all(address.startswith("https://") and "lecun" not in address for address in source.mirrors)
    assert len({requests.utils.urlparse(address).netloc for address in source.mirrors}) >= 2


# The official files, and two processes


@contextmanager
def official_mirror(folder):
    """A server whose folder `mnist` holds the official files, as .gz. Yields (address, paths asked for)."""

    @functools.cache
    def packed(name):
        path = folder / f"{name}.gz"
        return path.read_bytes() if path.is_file() else gzip.compress((folder / name).read_bytes(), 1)

    def official_files(handler, name):
        answer(handler, packed(name))

    with running(official_files) as server:
        yield server.address(official_files, ""), server.asked


def test_the_official_files_are_downloaded_bit_for_bit(official_folder, official, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    with official_mirror(official_folder) as (address, asked):
        monkeypatch.setenv("MNISTLAB_MIRROR", address)
        data.download("mnist", tmp_path / "data", rounds=1)
    assert len(asked) == 4
    for part, wanted in zip(data.load("mnist", tmp_path / "data"), official):
        assert np.array_equal(part.images, wanted.images) and np.array_equal(part.labels, wanted.labels)


def test_two_processes_that_download_at_once_both_succeed(official_folder, tmp_path):
    with official_mirror(official_folder) as (address, asked):
        environment = {**os.environ, "MNISTLAB_MIRROR": address, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "mnistlab", "download", "--data-dir", str(tmp_path / "data")]
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        both = [subprocess.Popen(command, env=environment, **streams) for _ in range(2)]
        messages = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], messages
    source = files.SOURCES["mnist"]
    assert {path.name for path in (tmp_path / "data" / "mnist").iterdir()} == {file.name for file in source.files}
    assert files.missing(source, tmp_path / "data" / "mnist") == []
    assert {path.split("/")[2] for path in asked} == {"mnist"}


def test_two_threads_that_download_the_same_files_in_step_both_succeed(tmp_path):
    together = threading.Barrier(2)

    def in_step(handler, name):
        together.wait(10)  # neither gets a file before both have asked for it
        right(handler, name)

    results = []
    with running(in_step) as server:
        def one():
            fetch(tmp_path, server.address(in_step))
            results.append("done")

        both = [threading.Thread(target=one) for _ in range(2)]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
    assert results == ["done", "done"] and contents(tmp_path) == RAW


# A command that is ended, and a disk that is full


def begin(server, behaviour, folder, *before):
    """Start `mnistlab download` into folder with this mirror."""
    environment = {**os.environ, "MNISTLAB_MIRROR": server.address(behaviour, "")}
    command = [*before, sys.executable, "-m", "mnistlab", "download", "--data-dir", str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the end of a process cannot be noticed by it")
def test_a_download_that_is_cancelled_takes_its_unfinished_file_with_it(tmp_path):
    begun = threading.Event()

    def silent(handler, name):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(PACKED[name][:1000])
        handler.wfile.flush()
        begun.set()
        handler.server.over.wait(60)

    with running(silent) as server:
        process = begin(server, silent, tmp_path)
        assert begun.wait(60)
        assert [name[:5] for name in contents(tmp_path)] == ["part-"]
        process.terminate()
        out, messages = process.communicate(timeout=30)
    assert (process.returncode, out) == (143, "") and "mnistlab" not in messages
    assert contents(tmp_path) == {}


@pytest.mark.skipif(os.name != "posix", reason="limits of a process are POSIX")
def test_a_full_disk_is_said_with_the_folder_and_what_to_do(tmp_path):
    """The limit of a file's size stands in for a full disk: both show when a write fails half-way."""

    def long(handler, name):
        answer(handler, gzip.compress(bytes(10_000_000)))

    with running(long) as server:
        process = begin(server, long, tmp_path, "sh", "-c", 'ulimit -f 1000; exec "$@"', "sh")
        out, messages = process.communicate(timeout=60)
        assert len(server.asked) == 1
    assert (process.returncode, out) == (1, "")
    assert messages.splitlines()[-1] == (
        f"mnistlab: The data folder {tmp_path / 'mnist'} takes no more (File too large). "
        "Free some space there, or choose another with --data-dir or the variable MNISTLAB_DATA."
    )
    assert contents(tmp_path) == {}
