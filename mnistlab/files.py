"""The four files of a dataset: which they are, where they may lie, and how they are fetched and checked.

A file is known by the SHA-256 of its uncompressed content, so it counts wherever it comes from: any mirror, gzip or
raw, or the arrays of an .npz. Only checked content is ever moved into place, and moving is atomic, so a crash or a
second process that downloads at the same time does no harm.
"""

import hashlib
import itertools
import os
import secrets
import time
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import idx
from .language import t

CHUNK = 1 << 16
SLOWEST = 5_000  # bytes a second; thirty students on one slow line get about that each
DAY = 24 * 60 * 60
# What systems say of the failures that a full or a locked folder causes, by their numbers.
FAILURES = {
    13: "Permission denied", 20: "Not a directory", 28: "No space left on device", 30: "Read-only file system",
}


class DownloadError(Exception):
    """No mirror could supply a file; the message says what was tried and what to do."""


class CannotWrite(Exception):
    """A data folder cannot be written or is full; the message names it and says which option chooses another."""


class WrongContent(Exception):
    """Bytes that are not what they should be: another hash, too short, too long, too slow, not compressed data."""


@dataclass(frozen=True)
class DataFile:
    """One IDX file: its name without .gz, and the length and SHA-256 of its uncompressed content."""

    name: str
    length: int
    sha256: str


@dataclass(frozen=True)
class Source:
    """A dataset's files, in the order training images, training labels, test images, test labels; and its mirrors.

    A mirror is the address of a folder that holds the files as .gz, or of one .npz with the four arrays.
    """

    files: tuple
    mirrors: tuple = ()

    @property
    def length(self):
        """The bytes of all its files together, uncompressed."""
        return sum(file.length for file in self.files)


def _four(*hashes):
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    lengths = (47_040_016, 60_008, 7_840_016, 10_008)
    return tuple(DataFile(*row) for row in zip(names, lengths, hashes))


SOURCES = {
    "sample": Source(
        (
            DataFile("sample-images-idx3-ubyte", 3_920_016,
                     "36cb395b94762f0009909e61c7df0bc6d23da1b3e0251f38b10b10501b652034"),
            DataFile("sample-labels-idx1-ubyte", 5_008,
                     "6bf07e4d2b09bd66291b74f06f4d0e8c9f34e62ddcb50269a3126f861d1e7d68"),
        ),
    ),
    "mnist": Source(
        _four(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        # Two copies that many frameworks rely on, then an archive on other storage. The original site is left out: it
        # has refused downloads for months at a time.
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        ),
    ),
    "fashion-mnist": Source(
        _four(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        (
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
    ),
}


def data_folder(data_dir=None):
    """The folder that downloads go to: data_dir, else the variable MNISTLAB_DATA, else the user's cache folder."""
    chosen = data_dir or os.environ.get("MNISTLAB_DATA")
    return Path(chosen).expanduser() if chosen else cache_folder()


def cache_folder():
    """The user's own cache folder for this program; compressed files are unpacked there."""
    from platformdirs import user_cache_path

    return user_cache_path("mnistlab", appauthor=False)


def read(file, folders, unpack_to):
    """The array of one DataFile from the first of `folders` that holds it raw or as .gz, or None.

    A compressed file is unpacked once into the first folder of `unpack_to` that can be written, so that it can be
    memory-mapped; where none can, the array is read into memory. A file with other content is passed over.
    """
    for folder in (*folders, *unpack_to):
        if is_whole(folder / file.name, file):
            return idx.read(folder / file.name)
    for folder in folders:
        packed = folder / f"{file.name}.gz"
        if not packed.is_file():
            continue
        for target in unpack_to:
            try:
                with open(packed, "rb") as stream:
                    store(file, target, unpacked(_chunks(stream)))
                return idx.read(target / file.name)
            except WrongContent:
                break
            except (OSError, CannotWrite):
                continue
        else:
            try:
                with open(packed, "rb") as stream:
                    content = b"".join(_checked(file, unpacked(_chunks(stream))))
            except (OSError, WrongContent):
                continue
            return idx.from_bytes(content, packed.name)
    return None


def is_whole(path, file):
    """Whether path holds exactly the content of `file`."""
    try:
        if path.stat().st_size != file.length:
            return False
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def _is_packed(path, file):
    """Whether path holds exactly the content of `file`, compressed."""
    try:
        with open(path, "rb") as stream:
            for _ in _checked(file, unpacked(_chunks(stream))):
                pass
    except (OSError, WrongContent):
        return False
    return True


def _checked(file, chunks):
    """The same chunks; raises WrongContent where they are not, all together, the content of `file`."""
    digest, count = hashlib.sha256(), 0
    for chunk in chunks:
        count += len(chunk)
        if count > file.length:
            raise WrongContent(t("more than the {length} bytes expected", length=file.length))
        digest.update(chunk)
        yield chunk
    if count < file.length:
        raise WrongContent(t("only {count} of {length} bytes", count=count, length=file.length))
    if digest.hexdigest() != file.sha256:
        raise WrongContent(t("wrong SHA-256"))


def store(file, folder, chunks, progress=None):
    """Write chunks of uncompressed bytes to folder/name, hashing on the way; replace what is there only when right.

    progress: called with the number of bytes written so far. Raises WrongContent for bytes that are not the file's,
    CannotWrite for a folder that takes no files or is full.
    """
    count = 0
    with _Temporary(folder) as part:
        for chunk in _checked(file, chunks):
            part.write(chunk)
            count += len(chunk)
            if progress:
                progress(count)
        part.close()
        try:
            os.replace(part.path, folder / file.name)
        except PermissionError:
            # Windows refuses to replace a file that another process has mapped; that one is whole, or we say so.
            if not is_whole(folder / file.name, file):
                raise


class _Temporary:
    """A new file beside its destination that is gone again unless it was moved into place."""

    def __init__(self, folder):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Not by the module tempfile: its files stay private, and a class may share this folder.
            self.path = folder / f"part-{secrets.token_hex(8)}"
            self._file = open(self.path, "xb", buffering=0)  # no buffer that would be left to write at the end
        except OSError as error:
            raise CannotWrite(t(
                "The data folder {folder} cannot be written ({reason}). Choose another with --data-dir or the variable "
                "MNISTLAB_DATA.", folder=folder, reason=_said(error),
            )) from error

    def write(self, content):
        """Raises CannotWrite where there is no room for it."""
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise CannotWrite(t(
                "The data folder {folder} takes no more ({reason}). Free some space there, or choose another with "
                "--data-dir or the variable MNISTLAB_DATA.", folder=self.folder, reason=_said(error),
            )) from error

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        self.path.unlink(missing_ok=True)


def _sweep(folder):
    """Remove what downloads left that were killed more than a day ago; what is younger may still be going on."""
    for part in folder.glob(f"part-{16 * '[0-9a-f]'}"):
        try:
            if time.time() - part.stat().st_mtime > DAY:
                part.unlink()
        except OSError:
            pass


def unpacked(chunks):
    """The uncompressed bytes of a stream of gzip chunks. Raises WrongContent for anything else.

    An IDX file that is uncompressed already passes as it is: some servers declare their .gz files as an encoding, and
    then requests unpacks them on the way.
    """
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    chunks = iter(chunks)
    first = next(chunks, b"")
    if first.startswith(b"\0\0"):
        yield first
        yield from chunks
        return
    for chunk in itertools.chain([first], chunks):
        while chunk:
            try:
                yield inflater.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise WrongContent(t("not a gzip file")) from error
            chunk = inflater.unconsumed_tail
    yield inflater.flush()
    if not inflater.eof:
        raise WrongContent(t("the compressed data ends too early"))


def _chunks(stream):
    while chunk := stream.read(CHUNK):
        yield chunk


def missing(source, folder):
    """Those of the source's files that `folder` holds whole neither as they are nor as .gz."""
    return [
        file for file in source.files
        if not is_whole(folder / file.name, file) and not _is_packed(folder / f"{file.name}.gz", file)
    ]


def download(source, folder, progress=None, *, timeout=20.0, patience=30.0, rounds=3, pause=1.0):
    """Bring the source's missing files into `folder`, uncompressed, from the first mirror that serves them rightly.

    Any failure (no connection, HTTP error, silence of `timeout` seconds, a trickle that after `patience` seconds is
    slower than 5,000 bytes a second, a page instead of a file, a cut or altered body) leads to the next mirror; after
    each of `rounds` rounds over all of them the pause (in seconds) doubles. progress: called with (bytes so far, bytes
    in all). Raises DownloadError when every round failed and CannotWrite when the folder takes no files or is full.
    What has arrived whole is kept.
    """
    import requests

    _sweep(folder)
    failures = []
    with requests.Session() as session:
        for attempt in range(rounds):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            for mirror in source.mirrors:
                wanted = missing(source, folder)
                done = source.length - sum(file.length for file in wanted)
                try:
                    for file, chunks in _served(session, mirror, source, wanted, folder, timeout, patience):
                        start = done
                        store(file, folder, chunks, progress and (lambda n: progress(start + n, source.length)))
                        (folder / f"{file.name}.gz").unlink(missing_ok=True)  # wrong, or never there: see `missing`
                        done += file.length
                    return
                except (requests.RequestException, WrongContent) as error:
                    failures.append(f"{mirror}: {_reason(error)}")
    raise DownloadError(t(
        "The files could not be downloaded. Tried {mirrors}. Check the connection and try again; the bundled sample "
        "works without one.", mirrors=t("; ").join(failures[-len(source.mirrors) :]),
    ))


def _served(session, mirror, source, wanted, folder, timeout, patience):
    """(file, its uncompressed chunks) for each wanted file, from one mirror."""
    if not mirror.endswith(".npz"):
        for file in wanted:
            yield file, unpacked(_body(session, f"{mirror}{file.name}.gz", timeout, patience))
        return
    size = 0
    with _Temporary(folder) as archive:
        for chunk in _body(session, mirror, timeout, patience):
            archive.write(chunk)
            size += len(chunk)
            if size > source.length + CHUNK:
                raise WrongContent(t("an archive larger than the data in it"))
        arrays = dict(zip(source.files, ("x_train", "y_train", "x_test", "y_test")))
        for file in wanted:
            yield file, _array_bytes(archive.path, arrays[file])


def _body(session, address, timeout, patience):
    """The bytes of one address as they arrive. Raises requests.RequestException, WrongContent for a mere trickle."""
    import requests
    from urllib3 import exceptions

    with session.get(address, stream=True, timeout=timeout) as response:
        response.raise_for_status()
        started, count = time.monotonic(), 0
        try:
            # read1 gives what there is. The iterators of requests wait until a chunk is full, and each byte of it may
            # take as long as the time-out.
            while chunk := response.raw.read1(CHUNK, decode_content=True):
                count += len(chunk)
                if time.monotonic() - started > patience + count / SLOWEST:
                    raise WrongContent(t("too slow"))
                yield chunk
        except exceptions.ReadTimeoutError as error:
            raise requests.Timeout from error
        except exceptions.HTTPError as error:
            raise requests.exceptions.ChunkedEncodingError from error


def _array_bytes(archive, name):
    """One uint8 array of an .npz as the bytes of an IDX file, streamed. Never unpickles."""
    try:
        with zipfile.ZipFile(archive) as folder, folder.open(f"{name}.npy") as stream:
            version = np.lib.format.read_magic(stream)
            read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
            shape, fortran_order, dtype = read_header(stream)
            if dtype != np.uint8 or fortran_order:
                raise WrongContent(t("{name} is not unsigned bytes, row by row", name=name))
            yield idx.header(shape)
            yield from _chunks(stream)
    except WrongContent:
        raise
    except Exception as error:  # zipfile and NumPy raise many kinds: BadZipFile, KeyError, ValueError, RuntimeError ...
        raise WrongContent(t("not a NumPy archive with the four arrays")) from error


def _reason(error):
    """One short phrase for a failure of the network or of a mirror's content."""
    import requests

    if isinstance(error, requests.HTTPError):
        return t("HTTP status {status}", status=error.response.status_code)
    if isinstance(error, requests.Timeout):
        return t("no answer in time")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return t("the answer was cut short")
    if isinstance(error, requests.ConnectionError):
        return t("no connection")
    return str(error)


def _said(error):
    """What the system says of an OSError."""
    known = FAILURES.get(error.errno) == error.strerror  # other systems have other words
    return t(FAILURES[error.errno]) if known else error.strerror
