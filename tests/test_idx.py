"""The IDX reader and writer: what was written comes back, and nothing else is taken for it."""

import numpy as np
import pytest

from mnistlab import idx

HEADER = idx.header((2, 3))


def written(folder, content):
    """The path of a new file with these bytes."""
    path = folder / "some-idx2-ubyte"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("shape", [(1,), (7,), (0,), (5, 3), (4, 28, 28), (0, 28, 28), (2, 3, 4, 5)])
def test_an_array_of_one_to_four_dimensions_comes_back(tmp_path, shape):
    array = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    idx.write(tmp_path / "file", array)
    back = idx.read(tmp_path / "file")
    assert back.dtype == np.uint8 and back.shape == shape
    assert np.array_equal(back, array)


def test_random_shapes_come_back(tmp_path):
    rng = np.random.default_rng(2)
    for _ in range(100):
        array = rng.integers(0, 256, rng.integers(1, 9, rng.integers(1, 5)), dtype=np.uint8)
        idx.write(tmp_path / "file", array)
        content = (tmp_path / "file").read_bytes()
        assert np.array_equal(idx.read(tmp_path / "file"), array)
        assert np.array_equal(idx.from_bytes(content, "file"), array)


def test_an_array_that_is_not_contiguous_is_written_in_its_own_order(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(4, 6).T[::2]
    idx.write(tmp_path / "file", array)
    assert np.array_equal(idx.read(tmp_path / "file"), array)


def test_the_file_begins_as_the_format_says(tmp_path):
    idx.write(tmp_path / "file", np.full((2, 260), 9, np.uint8))
    content = (tmp_path / "file").read_bytes()
    assert content[:12] == bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 1, 4])
    assert content[12:] == bytes([9]) * 520


def test_a_file_is_memory_mapped_and_read_only(tmp_path):
    idx.write(tmp_path / "file", np.zeros((4, 5), np.uint8))
    base = array = idx.read(tmp_path / "file")
    while not isinstance(base, np.memmap):
        base = base.base  # a view of what is mapped; bytes, which have been read, are a view of nothing
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_an_array_from_bytes_is_read_only():
    array = idx.from_bytes(HEADER + bytes(6), "some bytes")
    assert array.shape == (2, 3) and not array.flags.writeable


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "is not an IDX file: it begins with nothing"),
        (b"\0\0", "is not an IDX file"),
        (b"<html>not here</html>", "begins with 3c 68 74 6d, not with 00 00"),
        (b"\x1f\x8b\x08\x00", "is not an IDX file"),
        (b"\0\0\x09\x02" + HEADER[4:] + bytes(6), "magic number 00 00 09 02; expected unsigned bytes"),
        (b"\0\0\x0d\x01" + b"\0\0\0\x01" + bytes(4), "expected unsigned bytes"),
        (b"\0\0\x08\x00", "in one to four dimensions"),
        (b"\0\0\x08\x05" + bytes(20), "in one to four dimensions"),
        (HEADER[:7], "ends within its header"),
        (HEADER[:4], "ends within its header"),
        (HEADER, "is 12 bytes long; its dimensions \\(2, 3\\) need 18"),
        (HEADER + bytes(5), "is 17 bytes long; .* need 18"),
        (HEADER + bytes(7), "is 19 bytes long; .* need 18"),
        (idx.header((0xFFFFFFFF,) * 4), "is 20 bytes long"),
    ],
)
def test_a_file_that_is_not_a_whole_idx_file_is_refused_with_its_name_and_the_reason(tmp_path, content, sentence):
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match=f"^some-idx2-ubyte .*{sentence}"):
        idx.read(path)
    with pytest.raises(ValueError, match=sentence):
        idx.from_bytes(content, "some bytes")


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        idx.read(tmp_path / "nothing")


@pytest.mark.parametrize(
    "array", [np.zeros(3), np.zeros(3, np.int64), np.zeros(3, bool), np.zeros(3, np.int8), np.zeros((1,) * 5, np.uint8),
              np.uint8(7), ["a"]],
    ids=["float", "int64", "bool", "int8", "five dimensions", "no dimension", "text"],
)
def test_the_writer_refuses_anything_but_uint8_in_one_to_four_dimensions(tmp_path, array):
    with pytest.raises(ValueError, match="holds uint8 in 1 to 4 dimensions"):
        idx.write(tmp_path / "file", array)
    assert not (tmp_path / "file").exists()
