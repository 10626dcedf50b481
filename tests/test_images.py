"""From a picture to 28x28: real MNIST digits drawn in many ways, and files that hold no readable digit."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistlab import Settings, build, evaluate, generators, train, training_split
from mnistlab.images import UnreadableImage, as_inputs, png, prepare
from mnistlab.presets import preset

DIGITS = 100


def saved(picture, kind="PNG", **options):
    """The bytes of a PIL picture as a file."""
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content.getvalue()


def large(digit, side=140):
    """A digit, uint8 (28, 28), as a bigger grey picture: ink bright on black, as MNIST has it."""
    return Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)


def on_paper(digit, ink=0, paper=255, mode="L", side=140):
    """A digit in ink of one colour on paper of another."""
    mask = large(digit, side)
    return Image.composite(Image.new(mode, mask.size, ink), Image.new(mode, mask.size, paper), mask)


def in_a_corner(digit):
    page = Image.new("L", (800, 600), 245)
    page.paste(on_paper(digit, 10, 245), (30, 40))
    return saved(page)


def transparent(digit, ink):
    picture = Image.new("RGBA", (140, 140), (*ink, 0))
    picture.putalpha(large(digit))
    return picture


def transparent_palette(digit):
    """A palette with one transparent entry and black ink."""
    picture = Image.fromarray(np.uint8(np.asarray(large(digit)) > 127), "P")
    picture.putpalette([255, 0, 255, 0, 0, 0])
    return saved(picture, transparency=0)


def sixteen_bits(digit):
    return saved(Image.fromarray(np.asarray(on_paper(digit)).astype(np.uint16) * 257))


def one_bit(digit):
    return saved(on_paper(digit).convert("1", dither=Image.Dither.NONE))


def many_frames(digit):
    """A GIF whose further frames show something else."""
    other = Image.new("L", (140, 140), 255)
    other.paste(0, (0, 0, 140, 70))
    return saved(on_paper(digit), "GIF", save_all=True, append_images=[other] * 5, duration=50)


def shadow(digit):
    """Black ink on paper that darkens from one side to the other."""
    values = np.asarray(on_paper(digit, 20, 240), float) * np.linspace(1, 0.5, 140)
    return saved(Image.fromarray(np.uint8(values)), "JPEG", quality=85)


KINDS = {
    "black on white": lambda digit: saved(on_paper(digit)),
    "white on black": lambda digit: saved(large(digit)),
    "as small as MNIST": lambda digit: saved(Image.fromarray(digit)),
    "1,200 pixels wide": lambda digit: saved(on_paper(digit, side=1200), "JPEG"),
    "in a corner of a page": in_a_corner,
    "blue ink on cream, JPEG": lambda digit: saved(on_paper(digit, "#1e32a0", "#faf0d2", "RGB"), "JPEG", quality=75),
    "grey pencil on grey": lambda digit: saved(on_paper(digit, 110, 200)),
    "in a shadow": shadow,
    "transparent, black ink": lambda digit: saved(transparent(digit, (0, 0, 0))),
    "transparent, white ink": lambda digit: saved(transparent(digit, (255, 255, 255))),
    "transparent WEBP": lambda digit: saved(transparent(digit, (0, 0, 90)), "WEBP", lossless=True),
    "transparent palette": transparent_palette,
    "grey and alpha": lambda digit: saved(transparent(digit, (0, 0, 0)).convert("LA")),
    "palette PNG": lambda digit: saved(on_paper(digit, "navy", "white", "RGB").convert("P")),
    "16-bit grey PNG": sixteen_bits,
    "1-bit PNG": one_bit,
    "CMYK JPEG": lambda digit: saved(on_paper(digit, "black", "white", "RGB").convert("CMYK"), "JPEG"),
    "WEBP": lambda digit: saved(on_paper(digit, "black", "white", "RGB"), "WEBP"),
    "BMP": lambda digit: saved(on_paper(digit), "BMP"),
    "GIF of many frames": many_frames,
}


@pytest.fixture(scope="module")
def digits(sample):
    """(the first held-out digits, uint8 (n, 28, 28); their labels)."""
    part = sample[1].select(slice(0, DIGITS))
    return part.images[part.indices], part.labels_of()


@pytest.fixture(scope="module")
def network(sample):
    """A network that has learned the bundled sample."""
    settings = Settings()
    preset("quick").apply(settings)
    settings.epochs = 10
    rngs = generators(settings.seed)
    train_set, validation_set = training_split(sample[0], settings, rngs.split)
    network = build(settings, rngs.weights, train_set.inputs, 10)
    for _ in train(network, train_set, validation_set, settings):
        pass
    assert evaluate(network, sample[1]).accuracy > 0.9
    return network


@pytest.fixture(scope="module")
def prepared(digits):
    """What `prepare` makes of the digits drawn in one way; each way is drawn once."""
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = [prepare(KINDS[kind](digit)) for digit in digits[0]]
        return made[kind]

    return get


@pytest.fixture(scope="module")
def seen(prepared):
    """The pixels of what is `prepared`."""
    return lambda kind: np.stack([each.pixels for each in prepared(kind)])


def error(pixels, digits):
    """The mean absolute difference of each image, 0 to 255, float (n,)."""
    return np.abs(pixels.astype(float) - digits).mean(axis=(1, 2))


# Every kind of picture


@pytest.mark.parametrize("kind", KINDS)
def test_the_result_is_what_mnist_did(seen, kind):
    for pixels in seen(kind):
        assert pixels.dtype == np.uint8 and pixels.shape == (28, 28)
        rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20  # fills the box of 20x20
        assert pixels.max() == 255 and np.median(pixels) == 0  # bright ink on black
        for axis, place in ((0, rows), (1, columns)):
            centre = pixels.sum(axis=1 - axis) @ np.arange(28) / pixels.sum()
            at_the_edge = place[0] == 0 or place[-1] == 27
            assert abs(centre - 14) < 0.52 or at_the_edge  # rounding the grey values moves it by less than 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_reads_real_digits_in_every_kind_of_picture(network, seen, digits, kind):
    assert (network.forward(as_inputs(seen(kind))).argmax(axis=1) == digits[1]).mean() >= 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_a_digit_alone_is_taken_for_one(prepared, kind):
    assert not any(each.one_of_many for each in prepared(kind))


def test_an_underlined_digit_is_one(digits):
    said = []
    for digit in digits[0][::5]:
        page = Image.new("L", (300, 300), 255)
        page.paste(on_paper(digit), (80, 60))
        page.paste(0, (60, 230, 240, 235))
        said.append(prepare(saved(page)).one_of_many)
    assert not any(said)


@pytest.mark.parametrize("many", [2, 3, 5])
def test_of_many_digits_beside_each_other_one_is_read_and_that_is_said(digits, many):
    said = []
    for start in range(0, len(digits[0]) - many, 5):
        page = Image.new("L", (120 * many, 160), 255)
        for place, digit in enumerate(digits[0][start : start + many]):
            page.paste(on_paper(digit).resize((112, 112)), (120 * place, 20 + 5 * (place % 3)))
        said.append(prepare(saved(page)).one_of_many)
    assert np.mean(said) >= 0.9


def test_mnist_has_its_centre_of_mass_on_pixel_14_14(digits):
    for digit in digits[0]:
        for axis in (0, 1):
            assert abs(digit.sum(axis=1 - axis) @ np.arange(28) / digit.sum() - 14) <= 0.51


@pytest.mark.parametrize("kind, most", [("as small as MNIST", 5), ("black on white", 12), ("white on black", 12)])
def test_a_clean_enlarged_digit_gives_nearly_the_mnist_digit_back(seen, digits, kind, most):
    differences = error(seen(kind), digits[0])  # a blank image would be 30 to 35 away
    assert differences.mean() < most


@pytest.mark.parametrize("kind", [
    "white on black", "16-bit grey PNG", "BMP", "GIF of many frames", "transparent, black ink",
    "transparent, white ink", "grey and alpha",
])
def test_the_same_picture_in_another_lossless_form_gives_the_same_pixels(seen, kind):
    assert error(seen(kind), seen("black on white")).max() < 0.5


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_that_is_marked_as_turned_is_turned_back(digits, orientation):
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_90",
            7: "TRANSVERSE", 8: "ROTATE_270"}
    for digit in digits[0][:5]:
        upright = Image.new("L", (200, 150), 255)
        upright.paste(on_paper(digit, side=120), (60, 10))
        stored = upright.transpose(Image.Transpose[undo[orientation]]) if orientation > 1 else upright
        exif = Image.Exif()
        exif[0x0112] = orientation
        result = prepare(saved(stored, "JPEG", exif=exif, quality=95))
        assert result.original.size == (200, 150)
        assert error(result.pixels[None], prepare(saved(upright)).pixels)[0] < 4


def test_the_original_is_shown_upright_on_white_and_at_most_256_pixels_wide():
    picture = Image.new("RGBA", (1000, 500), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (480, 100, 520, 400))
    original = prepare(saved(picture)).original
    assert original.mode == "RGB" and original.size == (256, 128)
    assert original.getpixel((0, 0)) == (255, 255, 255) and original.getpixel((128, 64)) == (0, 0, 0)


def test_proportions_are_kept():
    stroke = Image.new("L", (300, 300), 255)
    stroke.paste(0, (140, 50, 180, 250))  # five times as high as wide
    pixels = prepare(saved(stroke)).pixels > 127
    assert pixels.any(axis=1).sum() == 20 and pixels.any(axis=0).sum() == 4


def test_a_thin_pen_line_is_brought_to_about_the_width_of_mnists_strokes():
    line = Image.new("L", (256, 256), 255)
    line.paste(0, (126, 30, 129, 226))
    pixels = prepare(saved(line)).pixels
    assert 1.5 <= pixels.sum() / 255 / 20 <= 4


def test_dust_beside_the_digit_does_not_move_it(digits):
    page = Image.new("L", (256, 256), 255)
    page.paste(on_paper(digits[0][0]), (60, 60))
    clean = prepare(saved(page)).pixels
    page.paste(0, (5, 5, 10, 10))
    page.paste(0, (240, 100, 245, 105))
    assert error(prepare(saved(page)).pixels[None], clean)[0] < 0.5


def test_a_picture_of_one_long_winding_line_is_answered_like_any_other():
    values = np.full((256, 256), 255, np.uint8)
    values[2::4, 2:-2] = 0
    for turn, row in enumerate(range(2, 250, 4)):
        values[row : row + 5, -3 if turn % 2 == 0 else 2] = 0
    try:
        assert prepare(saved(Image.fromarray(values))).pixels.any()
    except UnreadableImage:
        pass


def test_png_makes_a_file_that_holds_the_same_picture():
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(grey)))), np.asarray(grey))
    colours = Image.new("RGBA", (8, 8), (230, 159, 0, 255))
    assert Image.open(io.BytesIO(png(colours))).convert("RGBA").getpixel((3, 3)) == (230, 159, 0, 255)


# Bad input: one sentence each


def bare_png(width, height):
    """A PNG of that size, 1 bit a pixel, all of it zero, made without a picture of that size."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def noise(low, high, shape=(300, 400)):
    return saved(Image.fromarray(np.random.default_rng(7).integers(low, high, shape, dtype=np.uint8)))


def some_digit():
    """A stroke that reads as a 1, as a picture of mode RGB."""
    picture = Image.new("RGB", (200, 200), "white")
    picture.paste((0, 0, 0), (90, 30, 115, 170))
    return picture


PNG, JPEG = saved(some_digit()), saved(some_digit(), "JPEG")
NOISY = Image.fromarray(np.random.default_rng(8).integers(0, 256, (200, 200), dtype=np.uint8))
NOT_AN_IMAGE = "is not an image that can be read here. Choose a PNG, JPEG, WEBP, GIF or BMP file."
DAMAGED = "is damaged and cannot be read. Save it or take the photo again."
TOO_MANY = "has too many pixels: a JPEG may have up to 89 million, other images 25 million. Make it smaller."
HEIC = "is a HEIC photo, which cannot be read here. Save it as JPEG and try again."
BLANK = "looks blank: there is no digit on it to read. Try one with darker, thicker strokes."
BAD = {
    "empty": (b"", "is empty. Choose an image of a digit."),
    "over 20 MB": (PNG + bytes(21_000_000), "is 21 MB; images may have up to 20 MB."),
    "text": (b"Dear diary, today I drew a seven.", NOT_AN_IMAGE),
    "one byte": (b"\x89", NOT_AN_IMAGE),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M4 4h8L6 20"/></svg>', NOT_AN_IMAGE),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", NOT_AN_IMAGE),
    "TIFF": (saved(some_digit(), "TIFF"), NOT_AN_IMAGE),
    "PDF": (b"%PDF-1.7\n", NOT_AN_IMAGE),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100), HEIC),
    "HEIF": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(100), HEIC),
    "cut PNG": (saved(NOISY)[:20_000], DAMAGED),
    "cut JPEG": (saved(NOISY, "JPEG")[:9_000], DAMAGED),
    "cut GIF": (saved(NOISY, "GIF")[:9_000], DAMAGED),
    "cut BMP": (saved(NOISY, "BMP")[:9_000], DAMAGED),
    "PNG that ends after its header": (PNG[:33], NOT_AN_IMAGE),
    "30,000 x 30,000": (bare_png(30_000, 30_000), TOO_MANY),
    "10,000 x 10,000": (bare_png(10_000, 10_000), TOO_MANY),
    "5,001 x 5,000": (bare_png(5_001, 5_000), TOO_MANY),
    "BMP that claims 30,000 x 30,000": (
        b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 30_000, 30_000, 1, 24, *[0] * 6),
        TOO_MANY,
    ),
    "blank white": (saved(Image.new("L", (300, 300), 255)), BLANK),
    "blank black": (saved(Image.new("L", (300, 300), 0)), BLANK),
    "blank grey": (saved(Image.new("L", (300, 300), 128)), BLANK),
    "all transparent": (saved(Image.new("RGBA", (300, 300), (0, 0, 0, 0))), BLANK),
    "white with grain": (noise(225, 256), BLANK),
    "black with grain": (noise(0, 30), BLANK),
    "nothing but noise": (noise(0, 256), BLANK),
    "one pixel": (saved(Image.new("L", (1, 1), 0)), BLANK),
    "one row": (noise(0, 256, (1, 5000)), BLANK),
    "5,000 x 5,000, blank": (bare_png(5_000, 5_000), BLANK),
}


@pytest.mark.parametrize("content, sentence", BAD.values(), ids=BAD)
def test_a_file_that_cannot_be_read_gives_one_sentence_that_names_it(content, sentence):
    with pytest.raises(UnreadableImage) as caught:
        prepare(content, "my 7.png")
    assert str(caught.value) == f"my 7.png {sentence}"


@pytest.mark.parametrize("sort", ["white", "shadow", "grain in a JPEG"])
@pytest.mark.parametrize("level", [90, 160, 235])
def test_a_blank_page_is_blank_in_any_light(sort, level):
    values = np.full((300, 400), level, float)
    if sort == "shadow":
        values *= np.linspace(1, 0.6, 400)
    if sort == "grain in a JPEG":
        values += np.random.default_rng(9).normal(0, 8, values.shape)
    page = Image.fromarray(np.uint8(values.clip(0, 255)))
    with pytest.raises(UnreadableImage, match="looks blank"):
        prepare(saved(page, "JPEG"))


def with_exif(place, content):
    """A JPEG marked as turned to the right, with other bytes at a place of its EXIF block."""
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = saved(some_digit(), "JPEG", exif=exif)
    start = whole.index(b"Exif\0\0") + 6 + place
    return whole[:start] + content + whole[start + len(content) :]


@pytest.mark.parametrize("place, content", [
    (0, b"\xff" * 8), (4, b"\xff" * 4), (8, b"\xff" * 2), (10, b"\xff" * 12), (18, b"\xff" * 2), (18, b"\0\x63"),
])
def test_a_picture_with_a_damaged_exif_block_is_still_read_without_a_warning(place, content):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert prepare(with_exif(place, content)).pixels.any()
    assert said == []


def claiming(width, height):
    """A small JPEG whose header says that it is of another size."""
    start = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:start] + struct.pack(">HH", height, width) + JPEG[start + 4 :]


@pytest.mark.parametrize("width, height", [(60_000, 60_000), (9_460, 9_460), (60_000, 1_500)])
def test_a_jpeg_that_claims_more_than_89_million_pixels_is_refused_before_it_is_decoded(width, height):
    with pytest.raises(UnreadableImage, match="too many pixels: a JPEG may have up to 89 million"):
        prepare(claiming(width, height))


@pytest.mark.parametrize("width, height", [(9_400, 9_400), (60_000, 1_400), (1_400, 60_000)])
def test_a_jpeg_of_nearly_89_million_pixels_is_decoded(width, height):
    """At a smaller scale; these claim as much, but most of it is missing."""
    with pytest.raises(UnreadableImage, match="looks blank|is damaged"):
        prepare(claiming(width, height))


def test_a_jpeg_of_more_pixels_than_other_images_may_have_is_read():
    photo = saved(some_digit().convert("L").resize((6_000, 6_000)), "JPEG")
    assert error(prepare(photo).pixels[None], prepare(JPEG).pixels)[0] < 5


def test_images_become_inputs_from_0_to_1():
    ramp = np.arange(256, dtype=np.uint8).reshape(2, 8, 16)
    inputs = as_inputs(ramp)
    assert inputs.dtype == np.float32 and inputs.shape == (2, 128)
    assert np.allclose(inputs.ravel(), np.arange(256) / 255, rtol=1e-6, atol=0) and inputs.max() == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_random_damage_gives_a_result_or_the_sentence_and_nothing_else(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if kind in ("PNG", "JPEG", "WEBP") else {}
    whole = saved(some_digit().resize((60, 60)), kind, **options)
    rng = np.random.default_rng(10)
    answers = {"read": 0, "refused": 0}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(150):
            content = bytearray(whole)
            # Half of the damage is near the beginning, where a mistake matters most.
            reach = len(content) if rng.random() < 0.5 else min(len(content), 200)
            for place in rng.integers(0, reach, rng.integers(1, 6)):
                content[place] = rng.integers(256)
            if rng.random() < 0.2:
                del content[rng.integers(len(content)) :]
            try:
                pixels = prepare(bytes(content)).pixels
                assert pixels.dtype == np.uint8 and pixels.shape == (28, 28)
                answers["read"] += 1
            except UnreadableImage:
                answers["refused"] += 1
    assert min(answers.values()) > 0 and said == []


def test_random_pictures_of_any_size_give_28x28_or_are_said_to_be_blank():
    rng = np.random.default_rng(11)
    for turn in range(600):
        shape = rng.integers(1, 12, 2) if turn % 4 else rng.integers(1, 70, 2)
        levels = rng.integers(0, 256, rng.integers(1, 4), dtype=np.uint8)
        values = rng.choice(levels, shape) if turn % 2 else rng.integers(0, 256, shape, dtype=np.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                pixels = prepare(png(Image.fromarray(values))).pixels
            except UnreadableImage as error:
                assert "looks blank" in str(error)
            else:
                assert pixels.shape == (28, 28) and pixels.max() == 255


def test_on_a_sheet_every_stroke_is_the_digits_and_a_dot_is_not_yet_one():
    sheet = Image.new("L", (280, 280), 255)
    pen = ImageDraw.Draw(sheet)
    pen.line([(60, 40), (60, 150), (150, 150)], fill=0, width=18)  # an open 4,
    pen.line([(215, 60), (215, 250)], fill=0, width=18)  # whose upright stands well beside the rest
    whole, biggest = prepare(saved(sheet), sheet=True).pixels, prepare(saved(sheet)).pixels
    columns = np.flatnonzero(whole.max(axis=0) > 128)
    assert np.diff(columns).max() > 1 and np.count_nonzero(whole[:, columns[-1]] > 128) > 12
    assert np.diff(np.flatnonzero(biggest.max(axis=0) > 128)).max() == 1  # on a photo that would be another digit
    assert prepare(saved(Image.new("L", (280, 280), 0)), sheet=True).pixels.max() == 255  # painted full
    dot = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(dot).ellipse([100, 100, 123, 123], fill=0)  # as wide as the page's pen
    for nothing in dot, Image.new("L", (280, 280), 255):
        with pytest.raises(UnreadableImage):
            prepare(saved(nothing), sheet=True)
