"""From an image of a digit to what the network was trained on: what the makers of MNIST did to their scans.

Ink bright on black, cropped to the ink, fitted into 20x20 with its proportions kept, and placed by its centre of mass
in 28x28 (LeCun et al., "The MNIST database of handwritten digits").
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = Image.MAX_IMAGE_PIXELS  # Pillow's own limit: a JPEG is decoded at a smaller scale
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
SIDE, BOX = 28, 20
WORKING_SIDE = 256


class UnreadableImage(ValueError):
    """An image that cannot be used; the message says why and what to do instead."""


@dataclass(frozen=True)
class Prepared:
    """original: the upright image on white, at most 256 pixels a side (PIL, RGB); pixels: uint8 (28, 28)."""

    original: Image.Image
    pixels: np.ndarray


def prepare(content, name="The file"):
    """The Prepared image in a file's bytes. name: what messages call it.

    Raises UnreadableImage for an empty, too large, damaged or foreign file, and for one with nothing on it.
    """
    image = open_image(content, name)
    for paper in ("white", "black"):  # white ink on a transparent ground shows only on black
        flat = _on_paper(image, paper)
        pixels = mnist_like(flat)
        if pixels is not None:
            original = flat.copy()
            original.thumbnail((256, 256))
            return Prepared(original, pixels)
        if image.mode != "RGBA":
            break
    raise UnreadableImage(f"{name} looks blank: there is no digit on it to read. Try one with darker, thicker strokes.")


def open_image(content, name="The file"):
    """The first frame of an image file, upright, of mode RGB or RGBA (PIL). Raises UnreadableImage."""
    if len(content) == 0:
        raise UnreadableImage(f"{name} is empty. Choose an image of a digit.")
    if len(content) > MAX_BYTES:
        raise UnreadableImage(
            f"{name} is {len(content) / 1e6:.0f} MB; images may have up to {MAX_BYTES // 1_000_000} MB."
        )
    if content[4:8] == b"ftyp" and content[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        raise UnreadableImage(f"{name} is a HEIC photo, which cannot be read here. Save it as JPEG and try again.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files are not for the user of this program
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _decoded(content)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImage(
            f"{name} has too many pixels: a JPEG may have up to {MAX_JPEG_PIXELS // 1_000_000} million, "
            f"other images {MAX_PIXELS // 1_000_000} million. Make it smaller."
        ) from None
    except Image.UnidentifiedImageError:
        raise UnreadableImage(
            f"{name} is not an image that can be read here. Choose a {_spoken(FORMATS)} file."
        ) from None
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, ValueError, struct.error ...
        raise UnreadableImage(f"{name} is damaged and cannot be read. Save it or take the photo again.") from error


def _decoded(content):
    """The first frame of an image file, upright, RGB or RGBA. Raises whatever Pillow raises."""
    image = Image.open(io.BytesIO(content), formats=FORMATS)
    if image.format == "JPEG":
        scale = 2 * WORKING_SIDE / max(image.size)
        image.draft("RGB", [max(1, int(side * scale)) for side in image.size])  # decoded smaller, much faster
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    image.load()
    # A tag can be damaged while the pixels are fine; an unturned image is better than none.
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:
        pass
    if image.mode.startswith("I"):  # 16 bits of grey, which `convert` would cut off at 255
        image = Image.fromarray(np.uint8(np.asarray(image) >> 8))
    transparent = "A" in image.getbands() or "transparency" in image.info
    return image.convert("RGBA" if transparent else "RGB")


def _spoken(names):
    return ", ".join(names[:-1]) + " or " + names[-1]


def _on_paper(image, colour):
    if image.mode == "RGB":
        return image
    paper = Image.new("RGBA", image.size, colour)
    paper.alpha_composite(image)
    return paper.convert("RGB")


def as_inputs(pixels):
    """Images, uint8 (n, rows, columns), as a network's inputs: float32 (n, rows * columns) from 0 to 1."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


def mnist_like(image):
    """The uint8 (28, 28) image that MNIST's makers would have made of a PIL image, or None where it has no ink."""
    grey = image.convert("L")
    grey.thumbnail((WORKING_SIDE, WORKING_SIDE))
    ink = _ink(grey)
    if ink is None:
        return None
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    top, left = rows[0], columns[0]
    cut = ink[top : rows[-1] + 1, left : columns[-1] + 1]
    return _centred(_fitted(_thickened(cut)))


def _ink(grey):
    """How much ink is at each pixel, float (rows, columns) from 0 to 1, on paper of any colour; None where none is."""
    values = np.asarray(grey, float)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    if np.median(border) < (values.min() + values.max()) / 2:  # the paper is the darker of the two
        grey = ImageOps.invert(grey)
    smooth = grey.filter(ImageFilter.GaussianBlur(max(grey.size) / 256)) if max(grey.size) > 64 else grey
    values = np.asarray(smooth, float)
    ink = np.clip(_paper(smooth) - values, 0, None)
    threshold = _otsu(ink)
    written, blank = ink[ink > threshold], ink[ink <= threshold]
    if written.size == 0 or written.mean() - blank.mean() < 30:
        return None
    kept = _without_specks(ink > threshold)
    # Soft edges belong to the stroke, the grain of the paper does not.
    floor = min(blank.mean() + 2 * blank.std(), threshold)
    full = np.quantile(ink[kept], 0.9)
    near = np.asarray(Image.fromarray(kept).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
    return np.clip((ink - floor) / (full - floor), 0, 1) * near


def _paper(grey):
    """The brightness of the paper under the ink, float, the same shape: follows shadows, not strokes."""
    small = grey.copy()
    small.thumbnail((32, 32), Image.Resampling.BOX)
    for _ in range(4):  # wider than any stroke: the brightest neighbour within an eighth of the image, four times
        small = small.filter(ImageFilter.MaxFilter(3))
    smooth = small.filter(ImageFilter.GaussianBlur(3))
    return np.asarray(smooth.resize(grey.size, Image.Resampling.BILINEAR), float)


def _otsu(values):
    """The threshold that splits values (0-255) into the two groups that differ most (Otsu 1979)."""
    counts = np.bincount(values.astype(np.uint8).ravel(), minlength=256).astype(float)
    below = np.cumsum(counts)
    sums = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nanargmax(np.where(np.isfinite(between), between, 0)))


def _without_specks(mask):
    """The mask without its parts that are smaller than a twentieth of the largest (dust, grain, a distant line)."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:  # each pixel takes the largest label among its neighbours until nothing changes
        grown = labels.copy()
        for axis in (0, 1):
            ahead, behind = np.roll(grown, 1, axis), np.roll(grown, -1, axis)
            edge = [slice(None)] * 2
            edge[axis] = 0
            ahead[tuple(edge)] = 0
            edge[axis] = -1
            behind[tuple(edge)] = 0
            grown = np.maximum(grown, np.maximum(ahead, behind))
        grown[~mask] = 0
        # A label is the place (from 1) of a pixel of the same part, so that pixel's own label may be taken at once.
        grown[mask] = grown.ravel()[grown[mask] - 1]
        if np.array_equal(grown, labels):
            break
        labels = grown
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return (sizes >= sizes.max() / 20)[labels] & mask


def _thickened(ink):
    """Thin pen strokes brought to about the width MNIST's have, a tenth of the digit; thick ones as they are."""
    mask = np.pad(ink > 0.5, 1)
    edge = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    width = 2 * np.count_nonzero(mask) / max(edge, 1)  # a stroke's area over half its outline
    missing = int(max(ink.shape) * 0.1 - width)
    if missing < 2:
        return ink
    reach = missing // 2
    padded = Image.fromarray(np.uint8(np.pad(ink, reach) * 255)).filter(ImageFilter.MaxFilter(2 * reach + 1))
    return np.asarray(padded, float) / 255


def _fitted(ink):
    """The ink scaled so that its longer side is 20 pixels."""
    scale = BOX / max(ink.shape)
    size = [max(1, round(side * scale)) for side in reversed(ink.shape)]
    small = Image.fromarray(np.uint8(ink * 255)).resize(size, Image.Resampling.BOX)
    values = np.asarray(small, float)
    return values * (255 / max(values.max(), 1))


def _centred(values):
    """The 20-pixel digit in 28x28, its centre of mass on pixel (14, 14), where MNIST has it, if the frame allows."""
    frame = np.zeros((SIDE, SIDE), np.uint8)
    weight = values.sum()
    place = []
    for axis, length in enumerate(values.shape):
        centre = (values.sum(axis=1 - axis) @ np.arange(length)) / weight
        place.append(min(max(round(SIDE / 2 - centre), 0), SIDE - length))
    frame[place[0] : place[0] + values.shape[0], place[1] : place[1] + values.shape[1]] = np.round(values)
    return frame


def png(image):
    """PNG bytes of a PIL image. Opaque RGBA gets a palette of 32 colours: a third of the bytes of true colours."""
    if image.mode == "RGBA":
        image = image.quantize(32, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        # A palette's colours are means, which leaves white paper a shade grey.
        image.putpalette([255 if value > 250 else value for value in image.getpalette("RGB")])
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=3)
    return content.getvalue()
