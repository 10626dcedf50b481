"""The IDX format of the MNIST files: a magic number, the size of each dimension, then the bytes themselves.

The magic number is two zero bytes, the type (8 for unsigned bytes) and the number of dimensions; sizes are big-endian
32-bit integers (LeCun, Cortes and Burges, "The MNIST database of handwritten digits").
"""

import math
import struct
from pathlib import Path

import numpy as np

UNSIGNED_BYTE = 8


def header(shape):
    """The bytes that come before uint8 data of this shape, a tuple of one to four sizes below 2^32."""
    return bytes([0, 0, UNSIGNED_BYTE, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def from_bytes(content, where):
    """The uint8 array of an IDX file's whole content, bytes or an array of them: a view of it.

    where: the file's name, for messages. Raises ValueError for a wrong magic number, an unknown type or a length that
    does not fit the dimensions.
    """
    start = bytes(content[:20])
    if len(start) < 4 or start[:2] != b"\0\0":
        found = start[:4].hex(" ") or "nothing"
        raise ValueError(f"{where} is not an IDX file: it begins with {found}, not with 00 00.")
    kind, dimensions = start[2], start[3]
    if kind != UNSIGNED_BYTE or not 1 <= dimensions <= 4:
        raise ValueError(
            f"{where} has the magic number {start[:4].hex(' ')}; "
            "expected unsigned bytes (type 8) in one to four dimensions."
        )
    if len(start) < 4 + 4 * dimensions:
        raise ValueError(f"{where} ends within its header.")
    shape = struct.unpack_from(f">{dimensions}I", start, 4)
    expected = 4 + 4 * dimensions + math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"{where} is {len(content)} bytes long; its dimensions {shape} need {expected}.")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read(path):
    """The uint8 array of an IDX file, memory-mapped and read-only: processes that read it share its pages.

    Raises ValueError for a file that is not a whole IDX file, OSError for one that cannot be read.
    """
    path = Path(path)
    content = np.memmap(path, np.uint8, "r") if path.stat().st_size else b""  # an empty file cannot be mapped
    return from_bytes(content, path.name)


def write(path, array):
    """Write a uint8 array of one to four dimensions. Raises ValueError for any other array."""
    array = np.asarray(array)
    if array.dtype != np.uint8 or not 1 <= array.ndim <= 4:
        raise ValueError(f"An IDX file holds uint8 in 1 to 4 dimensions; it was given {array.dtype} in {array.ndim}.")
    Path(path).write_bytes(header(array.shape) + array.tobytes())
