"""From an image of a digit to what the network was trained on: what the makers of MNIST did to their scans.

Ink bright on black, cropped to the ink, fitted into 20x20 with its proportions kept, and placed by its centre of mass
in 28x28 (LeCun et al., "The MNIST database of handwritten digits").
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from .language import t

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = Image.MAX_IMAGE_PIXELS  # Pillow's own limit: a JPEG is decoded at a smaller scale
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # as `open_image` names them
SIDE, BOX = 28, 20
WORKING_SIDE = 256
STEP_SIDE = 128
THIN, TARGET, THICK = 1.3, 2.1, 3.4  # widths of strokes in MNIST pixels, as `_stroke_width` measures them


class UnreadableImage(ValueError):
    """An image that cannot be used; the message says why and what to do instead."""


@dataclass(frozen=True)
class Prepared:
    """original: the upright image on white, at most 256 pixels a side (PIL, RGB); pixels: uint8 (28, 28).

    steps: ((title, picture), ...), the way from the one to the other: uint8 (rows, columns), at most 128 a side, grey.
    one_of_many: whether there are other shapes on it that could be digits; this one has the most ink.
    """

    original: Image.Image
    pixels: np.ndarray
    steps: tuple
    one_of_many: bool = False


def prepare(content, name=None, sheet=False):
    """The Prepared image in a file's bytes. name: what messages call it, "The file" if nothing else.

    sheet: whether it is a sheet made for drawing, black on white: there all ink is the digit's, in however many parts.
    Raises UnreadableImage for an empty, too large, damaged or foreign file, and for one with nothing on it.
    """
    name = name or t("The file")
    image = open_image(content, name)
    for paper in ("white", "black"):  # white ink on a transparent ground shows only on black
        flat = _on_paper(image, paper)
        ink, upright, one_of_many = _ink_on_sheet(flat) if sheet else _ink_on_photo(flat)
        if ink is not None:
            original = flat.copy()
            original.thumbnail((256, 256))
            steps = _stages(ink, upright)
            return Prepared(original, steps[-1][1], steps, one_of_many)
        if image.mode != "RGBA":
            break
    raise UnreadableImage(t(
        "{name} looks blank: there is no digit on it to read. Try one with darker, thicker strokes.", name=name
    ))


def open_image(content, name):
    """The first frame of an image file, upright, of mode RGB or RGBA (PIL). Raises UnreadableImage."""
    if len(content) == 0:
        raise UnreadableImage(t("{name} is empty. Choose an image of a digit.", name=name))
    if len(content) > MAX_BYTES:
        raise UnreadableImage(t(
            "{name} is {size:.0f} MB; images may have up to {most} MB.", name=name, size=len(content) / 1e6,
            most=MAX_BYTES // 1_000_000,
        ))
    if content[4:8] == b"ftyp" and content[8:11] in (b"hei", b"hev", b"mif", b"msf"):
        raise UnreadableImage(t(
            "{name} is a HEIC photo, which cannot be read here. Save it as JPEG and try again.", name=name
        ))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd files are not for the user of this program
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _decoded(content)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableImage(t(
            "{name} has too many pixels: a JPEG may have up to {jpeg} million, other images {other} million. Make it "
            "smaller.", name=name, jpeg=MAX_JPEG_PIXELS // 1_000_000, other=MAX_PIXELS // 1_000_000,
        )) from None
    except Image.UnidentifiedImageError:
        raise UnreadableImage(t(
            "{name} is not an image that can be read here. Choose a PNG, JPEG, WEBP, GIF or BMP file.", name=name
        )) from None
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, ValueError, struct.error ...
        raise UnreadableImage(t(
            "{name} is damaged and cannot be read. Save it or take the photo again.", name=name
        )) from error


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


def _on_paper(image, colour):
    if image.mode == "RGB":
        return image
    paper = Image.new("RGBA", image.size, colour)
    paper.alpha_composite(image)
    return paper.convert("RGB")


def as_inputs(pixels):
    """Images, uint8 (n, rows, columns), as a network's inputs: float32 (n, rows * columns) from 0 to 1."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


def _ink_on_sheet(image):
    """As `_ink_on_photo`, of a sheet made for drawing."""
    grey = _in_grey(image)
    ink = 1 - np.asarray(grey, np.float32) / 255
    # A first dot is as wide as the pen, a twelfth of the sheet.
    if max(np.count_nonzero(ink.max(axis=axis) > 0.5) for axis in (0, 1)) < 0.1 * len(ink):
        return None, grey, False
    return ink, grey, False


def _ink_on_photo(image):
    """(The digit's ink on a PIL image, from 0 to 1, float, or None; the image in grey; whether it is one of many)."""
    grey = _in_grey(image)
    page = _sheet(grey)
    if _is_bright_on_dark(page):
        page = ImageOps.invert(page)
    whole = page.copy()
    whole.thumbnail((WORKING_SIDE, WORKING_SIDE))
    ink, one_of_many = _ink(whole)
    close = None if ink is None else _close_up(page, ink)
    if close is not None:  # a digit that is small on its page: again, with all the pixels that there are of it
        closer, _ = _ink(close)
        ink = ink if closer is None else closer
    return ink, grey, one_of_many


def _in_grey(image):
    grey = image.convert("L")
    grey.thumbnail((2 * WORKING_SIDE, 2 * WORKING_SIDE))
    return grey


def _stages(ink, grey):
    """((title, uint8 image), ...): from the ink of a PIL image in grey to the 28x28 that MNIST's makers make of it."""
    cut = _cut(ink)
    fitted = _fitted(_as_wide_as_mnist(cut))
    return (
        (t("in grey"), _small(np.asarray(grey))),
        (t("ink on black"), _small(_grey(ink))),
        (t("cropped to the ink"), _small(_grey(cut))),
        (t("fitted into 20x20"), np.uint8(np.round(fitted))),
        (t("centred in 28x28"), _centred(fitted)),
    )


def _grey(ink):
    return np.uint8(np.round(ink * 255))


def _small(values):
    picture = Image.fromarray(values)
    picture.thumbnail((STEP_SIDE, STEP_SIDE))
    return np.asarray(picture)


def _is_bright_on_dark(page):
    """Whether the ink of a PIL picture is the brighter of the two."""
    usual = _even_border(page)
    darkest, brightest = page.getextrema()
    if usual is not None:
        alike = np.abs(np.asarray(page, float) - usual) < (brightest - darkest) / 8
        if alike.mean() > 0.55:  # what is at the edge is nearly everywhere: the ground
            return usual < (darkest + brightest) / 2
    # Shadows and what lies beside the paper are wide, strokes are narrow: the narrowest strong lines are the ink.
    small = page.copy()
    small.thumbnail((128, 128), Image.Resampling.BOX)
    values = np.log(np.asarray(small.filter(ImageFilter.GaussianBlur(0.8)), np.float32) + 8)
    found = []
    for share in (64, 32, 16, 8):
        reach = max(1, round(max(values.shape) / share))
        bright_lines = values - _windows(_windows(values, reach, np.minimum), reach, np.maximum)
        dark_lines = _windows(_windows(values, reach, np.maximum), reach, np.minimum) - values
        strongest = max(bright_lines.max(), dark_lines.max())
        found.append((strongest, (bright_lines**2).sum() > (dark_lines**2).sum()))
    enough = 0.7 * max(found)[0]
    return next(bright for strongest, bright in found if strongest >= enough)


def _even_border(page):
    """The brightness along the edge of a PIL picture, or None where it differs from place to place."""
    values = np.asarray(page)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    low, usual, high = np.quantile(border, [0.1, 0.5, 0.9])
    return usual if high - low < 0.25 * np.ptp(values) else None


def _sheet(page):
    """What is on a sheet of paper that lies on something darker (or a dark board in a bright room), else the page."""
    small = page.copy()
    small.thumbnail((64, 64), Image.Resampling.BOX)
    usual, values = _even_border(small), np.asarray(small, float)
    if usual is None:
        return page
    far = max(values.max() - usual, usual - values.min())
    other = np.abs(values - usual) > 0.2 * far  # a low bar: the sheet may lie partly in a shadow
    if far < 40 or not other.any():
        return page
    labels = _parts(other)
    sizes = np.bincount(labels.ravel(), minlength=2)
    sizes[0] = 0
    sheet = labels == sizes.argmax()
    inside = ~_reached(~sheet)  # with the ink on it
    # A thick 0 is bright with something dark inside, too, but it is round, or smaller, or the hole is most of it.
    written = 1 - sheet.sum() / inside.sum()
    smallest, straightest = (0.2, 0.85) if written < 0.15 else (0.45, 0.8)
    if not 0.005 < written < 0.4 or inside.mean() < smallest or _four_sided(inside) < straightest:
        return page
    mask = Image.fromarray(inside).convert("L").filter(ImageFilter.MinFilter(3)).resize(page.size)
    paper = int(np.median(values[sheet]))
    return Image.composite(page, Image.new("L", page.size, paper), mask).crop(mask.getbbox())


def _reached(free):
    """The free places of a mask that can be reached from its border."""
    labels = _parts(np.pad(free, 1, constant_values=True))
    return (labels == labels[0, 0])[1:-1, 1:-1]


def _four_sided(mask):
    """How much of the smallest rectangle around a mask, in any direction, the mask fills."""
    rows, columns = np.nonzero(mask)
    best = np.inf
    for angle in np.linspace(0, np.pi / 2, 19)[:-1]:
        along = rows * np.cos(angle) + columns * np.sin(angle)
        across = columns * np.cos(angle) - rows * np.sin(angle)
        best = min(best, (np.ptp(along) + 1) * (np.ptp(across) + 1))
    return len(rows) / best


def _close_up(page, ink):
    """The part of the page around the ink, or None where that would be most of it."""
    scale = page.width / ink.shape[1]
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    margin = 0.4 * max(np.ptp(rows), np.ptp(columns)) + 4
    box = [columns[0] - margin, rows[0] - margin, columns[-1] + margin, rows[-1] + margin]
    box = [round(max(0, box[0] * scale)), round(max(0, box[1] * scale)),
           round(min(page.width, box[2] * scale)), round(min(page.height, box[3] * scale))]
    if max(box[2] - box[0], box[3] - box[1]) > 0.7 * max(page.size):
        return None
    close = page.crop(box)
    close.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return close


def _ink(grey):
    """(How much ink is at each pixel, float (rows, columns) from 0 to 1, or None; whether there are other digits).

    grey: a PIL picture with the digit dark on bright paper.
    """
    smooth = grey.filter(ImageFilter.GaussianBlur(max(grey.size) / 256)) if max(grey.size) > 64 else grey
    values = np.asarray(smooth, np.float32)
    # Light multiplies: ink in a shadow takes the same share of it away as ink in the sun.
    ink = np.clip(255 - 255 * values / np.maximum(_paper(values), 1), 0, 255)
    grain = np.median(ink)
    grain += 4 * np.median(np.abs(ink - grain)) + 4
    written = _written(ink, grain)
    if written is None:
        return None, False
    kept, threshold, others = written
    # Soft edges belong to the stroke, the grain of the paper does not.
    floor = min(max(grain, 0.3 * threshold), threshold)
    full = min(np.quantile(ink[kept], 0.9), 1.6 * threshold + 20)
    near = np.asarray(Image.fromarray(kept).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
    return np.clip((ink - floor) / max(full - floor, 1), 0, 1) * near, others


def _written(ink, grain):
    """(Where the digit's strokes are, a mask; the threshold between ink and paper; whether there are other digits).

    None where there is no digit.
    """
    aside = None  # a digit that touches the border, should nothing else be found
    while True:
        darker = ink[ink > grain]
        if darker.size == 0:
            return aside
        threshold = max(_otsu(darker), grain)
        mask = ink > threshold
        if not mask.any() or ink[mask].mean() - ink[~mask].mean() < 30:
            return aside
        kept, at_border, others = _digit(mask, ink)
        if np.count_nonzero(kept.any(axis=1)) < (0.08 if aside else 0.03) * max(kept.shape):  # a speck, not a digit
            return aside
        if aside and threshold < 0.5 * aside[1]:  # only the soft edges of what was set aside
            return aside
        if aside or not at_border:
            return kept, threshold, others
        # A shadow, the desk, or half of another digit, if there is a digit inside: look again without it.
        aside = kept, threshold, others
        labels = _parts(ink > threshold / 2)
        its_own = np.isin(labels, np.unique(labels[kept]))
        near = np.asarray(Image.fromarray(its_own).convert("L").filter(ImageFilter.MaxFilter(5))) > 0
        ink = np.where(near, 0, ink)


def _paper(values):
    """The brightness of the paper under the ink, the same shape: follows shadows and their edges, not strokes.

    A closing: the brightest within a fifth of the picture, then the darkest of that.
    """
    reach = max(2, max(values.shape) // 5)
    return _windows(_windows(values, reach, np.maximum), reach, np.minimum)


def _windows(values, reach, choose):
    """The choice (np.maximum or np.minimum) among all values at most `reach` rows and columns away."""
    for axis in (0, 1):
        values = np.pad(values, [(reach, reach) if axis == at else (0, 0) for at in (0, 1)], mode="edge")
        wide = 1
        while wide < 2 * reach + 1:
            step = min(wide, 2 * reach + 1 - wide)
            values = choose(values[:-step], values[step:]) if axis == 0 else choose(values[:, :-step], values[:, step:])
            wide += step
    return values


def _otsu(values):
    """The threshold that splits values (0-255) into the two groups that differ most (Otsu 1979)."""
    counts = np.bincount(values.astype(np.uint8).ravel(), minlength=256).astype(float)
    below = np.cumsum(counts)
    sums = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nanargmax(np.where(np.isfinite(between), between, 0)))


def _digit(mask, ink):
    """(The parts of the mask that make up the digit, a mask; whether it touches the border; whether there are others).

    It is the part with the most ink, and what is close to it. Others have much ink, too, and are half as high.
    """
    cell = max(1, max(mask.shape) // 96)  # parts with a smaller gap than a cell or two count as one
    rows, columns = (-side % cell for side in mask.shape)
    cells = np.pad(mask, [(0, rows), (0, columns)]).reshape(
        (mask.shape[0] + rows) // cell, cell, (mask.shape[1] + columns) // cell, cell
    ).any(axis=(1, 3))
    labels = _parts(cells)
    whole = np.kron(labels, np.ones((cell, cell), int))[: mask.shape[0], : mask.shape[1]] * mask
    # Cubes: a shadow may be wide, but it is pale.
    weights = np.bincount(whole.ravel(), ((ink / 255) ** 3 * mask).ravel())
    weights[0] = 0
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    at_border = np.isin(np.arange(len(weights)), border)
    main = int(weights.argmax())
    if at_border[main]:
        inside = np.where(at_border, 0, weights)
        best = int(inside.argmax())
        if inside[best] > weights[main] / 100 and np.ptp(_extent(labels == best)[:2]) > 0.08 * len(labels):
            main = best
    top, bottom, left, right = _extent(labels == main)
    height = max(bottom - top, right - left)
    kept, others = [main], False
    for part in np.flatnonzero(weights > weights[main] / 25):
        if part == main or (at_border[part] and not at_border[main]):
            continue
        above, below, before, behind = _extent(labels == part)
        gap = max(above - bottom, top - below, before - right, left - behind)
        # A bar, a dot of a broken stroke, or the other half above or below; a shape of its own beside is another digit.
        small = below - above < 0.5 * height
        stacked = min(right, behind) - max(left, before) > 0.5 * min(right - left, behind - before)
        if gap < (0.25 if small or stacked else 0.1) * height:
            kept.append(part)
        elif weights[part] > weights[main] / 4 and below - above > 0.5 * height:  # not a line under it
            others = True
    return np.isin(whole, kept) & mask, bool(at_border[main]), others


def _extent(mask):
    """First and last-plus-one row, then column, of a mask."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def _parts(mask):
    """The connected parts of a mask, numbered from 1 (0: outside), int, the same shape; corners connect."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:  # each place takes the largest label among its neighbours until nothing changes
        wide = np.pad(labels, 1)
        tall = np.maximum(np.maximum(wide[:-2], wide[1:-1]), wide[2:])
        grown = np.maximum(np.maximum(tall[:, :-2], tall[:, 1:-1]), tall[:, 2:]) * mask
        # A label is the place (from 1) of a member of the same part, so that member's own label may be taken at once.
        grown[mask] = grown.ravel()[grown[mask] - 1]
        if np.array_equal(grown, labels):
            return np.unique(labels, return_inverse=True)[1].reshape(mask.shape) + (not (labels == 0).any())
        labels = grown


def _cut(ink):
    top, bottom, left, right = _extent(ink > 0)
    return ink[top:bottom, left:right]


def _as_wide_as_mnist(ink):
    """Strokes thinner or thicker than MNIST's brought to about their width; others as they are.

    Measured at six times MNIST's scale, as area over half the outline: most of MNIST's digits have 1.2 to 3.4 pixels.
    """
    scale = 6 * BOX / max(ink.shape)
    size = [max(1, round(side * scale)) for side in reversed(ink.shape)]
    large = Image.fromarray(_grey(ink)).resize(size, Image.Resampling.BICUBIC)
    even = large.filter(ImageFilter.MedianFilter(5))  # without the grain of pencil and chalk
    width = _stroke_width(even)
    if width > THICK * 6:
        large = even
    else:
        width = _stroke_width(large)
        if width >= THIN * 6:
            return ink
    large = ImageOps.expand(large, 12)
    steps = round((TARGET * 6 - width) / 2)
    for _ in range(abs(steps)):
        large = large.filter(ImageFilter.MaxFilter(3) if steps > 0 else ImageFilter.MinFilter(3))
    return _cut(np.asarray(large, float) / 255)


def _stroke_width(picture):
    mask = np.pad(np.asarray(picture) > 127, 1)
    outline = np.count_nonzero(mask[1:] != mask[:-1]) + np.count_nonzero(mask[:, 1:] != mask[:, :-1])
    return 2 * np.count_nonzero(mask) / max(outline, 1)


def _fitted(ink):
    """The ink scaled so that its longer side is 20 pixels."""
    scale = BOX / max(ink.shape)
    size = [max(1, round(side * scale)) for side in reversed(ink.shape)]
    small = Image.fromarray(_grey(ink)).resize(size, Image.Resampling.BOX)
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
