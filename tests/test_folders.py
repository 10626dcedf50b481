"""A zip of class-named folders: what becomes of its pictures, and what it must not be able to do."""

import io
import os
import struct
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

from mnistlab import Settings, build, folders, generators, train, training_split
from mnistlab.data import split
from mnistlab.folders import ZipReading, grey_square, read_zip


def saved(picture, kind="PNG", **options):
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def picture(level=200, size=(40, 40), ground=0, kind="PNG"):
    """A bright bar on a dark ground."""
    canvas = Image.new("L", size, ground)
    canvas.paste(level, (size[0] // 3, size[1] // 4, size[0] // 2, size[1] * 3 // 4))
    return saved(canvas, kind)


def zipped(members, method=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, data)
    return content.getvalue()


def two_classes():
    return {f"{name}/{i}.png": picture(100 + 10 * i) for name in ("cats", "dogs") for i in range(3)}


def test_folders_become_classes_and_their_pictures_images():
    dataset, skipped = read_zip(zipped(two_classes()))
    assert dataset.class_names == ("cats", "dogs") and skipped == []
    assert dataset.images.shape == (6, 28, 28) and dataset.images.dtype == np.uint8
    assert dataset.labels.tolist() == [0, 1, 0, 1, 0, 1]  # in turn, so that the first images are of all classes
    assert dataset.images.max(axis=(1, 2)).tolist() == [100, 100, 110, 110, 120, 120]


@pytest.mark.parametrize("above", ["", "mine/", "a/b/", "./", "/", "C:\\x\\"])
def test_classes_may_lie_below_common_folders(above):
    dataset, skipped = read_zip(zipped({above + name: data for name, data in two_classes().items()}))
    assert dataset.class_names == ("cats", "dogs") and len(dataset) == 6 and skipped == []


def test_a_deep_nest_of_folders_is_read_in_no_time():
    deep = "x/" * 5000
    says(zipped({f"{deep}{name}/{i}.png": picture() for name in "ab" for i in range(2)}), "1 class")


def test_numbers_come_by_their_value_and_the_order_in_the_zip_does_not_matter():
    members = [(f"{k}/{i}.png", picture(50 + 10 * k + i)) for k in (10, 9, 2, 0) for i in (1, 0)]
    first, again = (read_zip(zipped(order))[0] for order in (members, members[::-1]))
    assert first.class_names == ("0", "2", "9", "10")
    assert np.array_equal(first.images, again.images) and np.array_equal(first.labels, again.labels)


def test_what_computers_add_to_zips_is_ignored():
    extra = (
        "__MACOSX/cats/._0.png", "cats/.hidden.png", "cats/Thumbs.db", "dogs/desktop.ini", ".git/x.png", ".DS_Store",
    )
    dataset, skipped = read_zip(zipped(two_classes() | dict.fromkeys(extra, b"x") | {"cats/": b""}))
    assert dataset.class_names == ("cats", "dogs") and len(dataset) == 6 and skipped == []


def test_unreadable_pictures_are_listed_and_left_out():
    noise = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60), dtype=np.uint8)))
    more = {
        "cats/cut.png": noise[:2000], "cats/empty.png": b"", "dogs/text.jpg": b"hello", "readme.txt": b"hello",
        "dogs/inner.zip": zipped(two_classes()), "dogs/photo.heic": b"\0\0\0\x18ftypheic" + bytes(90),
        "lonely.png": picture(), "birds/one.png": picture(), "fish/none.png": b"",
    }
    dataset, skipped = read_zip(zipped(two_classes() | more))
    assert dataset.class_names == ("cats", "dogs") and len(dataset) == 6
    assert sorted(skipped) == [
        "The class birds was left out: it needs 2 readable pictures and has 1.",
        "The class fish was left out: it needs 2 readable pictures and has 0.",
        "cats/cut.png is damaged and cannot be read. Save it or take the photo again.",
        "cats/empty.png is empty. Choose an image of a digit.",
        "dogs/inner.zip is not a PNG or JPEG picture and was left out.",
        "dogs/photo.heic is a HEIC photo, which cannot be read here. Save it as JPEG and try again.",
        "dogs/text.jpg is not an image that can be read here. Choose a PNG, JPEG, WEBP, GIF or BMP file.",
        "fish/none.png is empty. Choose an image of a digit.",
        "lonely.png is in no class's folder and was left out.",
        "readme.txt is not a PNG or JPEG picture and was left out.",
    ]


def test_reading_can_be_pulled_picture_by_picture():
    reading = ZipReading(zipped(two_classes()))
    assert reading.total == 6 and reading.dataset is None
    assert list(reading) == [1, 2, 3, 4, 5, 6] and len(reading.dataset) == 6


# What becomes of one picture


def half(width, height, left=255, right=0):
    canvas = Image.new("RGB", (width, height), (right,) * 3)
    canvas.paste((left,) * 3, (0, 0, width // 2, height))
    return canvas


def test_pad_keeps_all_and_its_proportions_crop_cuts_the_middle_squash_stretches():
    wide = half(80, 20)  # bright on the left; half of the border, and not more, is bright
    padded, cropped, squashed = (grey_square(wide, fit, "never") for fit in ("pad", "crop", "squash"))
    assert (padded[10:17, :12] == 255).all() and len(np.unique(padded[:10])) == 1  # 7 rows between bands of the ground
    assert (cropped[:, :12] == 255).all() and (cropped[:, 16:] == 0).all()
    assert np.array_equal(squashed > 127, cropped > 127)
    striped = Image.new("RGB", (84, 28))
    striped.paste((255, 255, 255), (0, 0, 28, 28))  # only the left third is bright: outside of the middle square
    assert grey_square(striped, "crop", "never").max() == 0
    assert grey_square(striped, "squash", "never")[:, :8].min() == 255


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (3, 2), (28, 28), (999, 500)])
@pytest.mark.parametrize("fit", folders.FITS)
def test_any_size_becomes_28x28(size, fit):
    image = grey_square(Image.new("RGB", size, (90, 90, 90)), fit)
    assert image.shape == (28, 28) and image.dtype == np.uint8 and (image == 90).all()


def test_dark_on_bright_is_inverted_and_bright_on_dark_is_not():
    ink, chalk = (Image.open(io.BytesIO(content)).convert("RGB") for content in (picture(0, ground=255), picture(255)))
    assert np.array_equal(grey_square(ink), grey_square(chalk)) and grey_square(chalk)[0, 0] == 0
    assert grey_square(ink, invert="never")[0, 0] == 255 and grey_square(chalk, invert="always")[0, 0] == 255


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_pictures_show_their_ink(ink):
    canvas = Image.new("RGBA", (40, 40), (ink, ink, ink, 0))
    canvas.paste((ink, ink, ink, 255), (15, 10, 25, 30))
    image = grey_square(canvas)
    assert image[0, 0] == 0 and image[14, 14] == 255


def test_photos_are_turned_as_their_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    upright = half(40, 40)
    content = saved(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    members = {f"{name}/{i}.jpg": content for name in "ab" for i in range(2)}
    image = read_zip(zipped(members), invert="never")[0].images[0]
    assert image[:, :12].min() > 240 and image[:, 16:].max() < 15


@pytest.mark.parametrize("options", [{"fit": "stretch"}, {"invert": True}])
def test_an_unknown_option_is_refused(options):
    with pytest.raises(ValueError, match="must be one of"):
        read_zip(zipped(two_classes()), **options)


# What is refused


def says(content, *words):
    with pytest.raises(ValueError) as caught:
        read_zip(content)
    message = str(caught.value)
    assert all(word in message for word in words) and message.endswith((".", "has."))


def test_too_few_and_too_many_classes_are_named():
    says(zipped({}), "no folder with pictures", "2 to 100 classes")
    says(zipped({"a.png": picture()}), "no folder with pictures")
    says(zipped({f"mine/cats/{i}.png": picture() for i in range(4)}), "1 class (cats: 4)", "2 folders of 2 or more")
    says(zipped({f"{k}/{i}.png": b"" for k in range(101) for i in range(2)}), "101 classes")
    says(zipped({f"{k}/{i}.png": b"" for k in range(2) for i in range(2)}), "2 classes (0: 0, 1: 0)")
    says(zipped({"a/1.png": picture(), "a/2.png": picture(), "b/1.png": picture()}), "(a: 2, b: 1)")
    hundred = read_zip(zipped({f"{k}/{i}.png": picture() for k in range(100) for i in range(2)}))[0]
    assert len(hundred.class_names) == 100


@pytest.mark.parametrize("content", [b"", b"PK", b"hello" * 100, picture(), b"PK\x05\x06" + bytes(18) + b"x"])
def test_what_is_no_zip_gets_a_sentence(content):
    says(content)


def test_a_locked_zip_gets_a_sentence():
    content = bytearray(zipped(two_classes()))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            content[at + place] |= 1
    says(bytes(content), "password")


@pytest.fixture
def nothing_is_unpacked(monkeypatch):
    def unpacked(*_, **__):
        raise AssertionError("something was unpacked")

    monkeypatch.setattr(zipfile.ZipFile, "open", unpacked)


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(request):
    bomb = zipped(two_classes() | {f"cats/{i}.bmp": bytes(10_000_000) for i in range(6)})
    huge = zipped(two_classes() | {"cats/huge.png": b"x"})
    at = huge.rindex(b"cats/huge.png") - 46
    huge = huge[: at + 24] + struct.pack("<I", 4_000_000_000) + huge[at + 28 :]  # its declared size
    request.getfixturevalue("nothing_is_unpacked")
    says(bomb, "would unpack to 60 MB", "was not unpacked")
    says(huge, "would unpack to 4,000 MB", "was not unpacked")


def test_a_zip_that_would_unpack_to_too_much_is_refused_however_well_it_is_packed(monkeypatch):
    monkeypatch.setattr(folders, "MAX_UNPACKED", 100)
    says(zipped(two_classes()), "was not unpacked")


def test_too_many_files_and_too_heavy_zips_are_refused_unopened(monkeypatch, nothing_is_unpacked):
    monkeypatch.setattr(zipfile, "ZipFile", None)
    says(b"PK\x01\x02" * 20_001, "more than 20,000 files")
    says(bytes(90_000_001), "90 MB")


def test_a_file_larger_than_it_declares_is_read_no_further_and_left_out():
    content = bytearray(zipped(two_classes() | {"cats/bomb.bmp": bytes(30_000_000)}))
    for mark, place, name in ((b"PK\x03\x04", 22, 30), (b"PK\x01\x02", 24, 46)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            if content[at + name :].startswith(b"cats/bomb.bmp"):
                content[at + place : at + place + 4] = struct.pack("<I", 1000)
    dataset, skipped = read_zip(bytes(content))
    assert len(dataset) == 6
    assert "cats/bomb.bmp is damaged within the zip and cannot be read." in skipped


def test_unusual_packing_is_left_out_unread():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in two_classes().items():
            archive.writestr(name, data)
        archive.writestr("cats/lzma.png", picture(), zipfile.ZIP_LZMA)
    dataset, skipped = read_zip(content.getvalue())
    assert len(dataset) == 6
    assert skipped == ["cats/lzma.png is packed in a way that cannot be read here. Zip it in the usual way."]


def test_small_files_of_huge_pictures_are_stopped_by_their_pixels(monkeypatch):
    monkeypatch.setattr(folders, "MAX_PIXELS", 5_000_000)
    blank = saved(Image.new("1", (1500, 1500)))
    says(zipped({f"{k}/{i}.png": blank for k in "ab" for i in range(2)}), "million pixels")


def test_names_that_point_elsewhere_write_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("../up/1.png", "../up/2.png", "/etc/1.png", "/etc/2.png")
    dataset, _ = read_zip(zipped(two_classes() | {name: picture() for name in names}))
    assert dataset.class_names == ("cats", "dogs", "etc") and os.listdir(tmp_path) == []


def test_random_damage_gives_a_result_or_a_sentence():
    whole = zipped(two_classes())
    rng = np.random.default_rng(3)
    answers = {"read": 0, "refused": 0}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(300):
            content = bytearray(whole)
            for place in rng.integers(0, len(content), rng.integers(1, 5)):
                content[place] = rng.integers(256)
            try:
                assert read_zip(bytes(content))[0].images.shape[1:] == (28, 28)
                answers["read"] += 1
            except ValueError as error:
                assert str(error).count("Traceback") == 0 and str(error)
                answers["refused"] += 1
    assert min(answers.values()) > 0 and said == []


# What a run makes of it


@pytest.mark.parametrize("each", [2, 3, 5, 20])
def test_small_sets_are_split_by_the_seed_with_every_class_in_training(each):
    dataset, _ = read_zip(zipped({f"{k}/{i}.png": picture(20 * i % 200 + 50) for k in "abc" for i in range(each)}))
    rest, held_out = split(dataset, 0.34, np.random.default_rng(5))
    again = split(dataset, 0.34, np.random.default_rng(5))
    assert held_out.indices.tolist() == again[1].indices.tolist()
    assert set(rest.labels_of()) == {0, 1, 2} and len(rest) + len(held_out) == 3 * each and len(held_out) >= each // 3


def test_a_network_learns_from_ones_own_folders():
    bars = {}
    for i in range(12):
        for name, box in (("lying", (4, 10 + i, 36, 14 + i)), ("standing", (10 + i, 4, 14 + i, 36))):
            canvas = Image.new("L", (40, 40), 255)
            canvas.paste(0, box)
            bars[f"bars/{name}/{i:02}.jpg"] = saved(canvas, "JPEG", quality=90)
    dataset, skipped = read_zip(zipped(bars))
    settings = Settings(epochs=30, hidden_size=16, batch_size=8, validation_fraction=0.25)
    rngs = generators(1)
    parts = training_split(dataset, settings, rngs.split)
    run = train(build(settings, rngs.weights, classes=2), *parts, settings)
    for _ in run:
        pass
    assert skipped == [] and run.failure is None and run.evaluation.accuracy == 1
