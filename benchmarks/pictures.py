"""Pictures of digits as people take them: ink on paper, in many conditions.

A digit is a few strokes, each a smooth curve through points (`WRITERS`); a hand slants, turns, squeezes and shakes them
(`written`); a `Page` says how the pen, the paper, the light and the camera are; `picture` gives the bytes of the file.
All of it follows from one random generator, so the same seed gives the same files. No stroke here comes from MNIST.
Other people's handwriting (`scans`) and type (`printed`) go onto the same pages.
"""

import io
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

# How four writers make their digits: strokes of x,y in hundredths of the digit's height, x to the right and y down; a
# point given twice is a corner; "|" lifts the pen. The two under "held out" were never looked at while tuning.
TUNING = {
    0: ["30,0 8,15 0,50 10,85 30,100 52,85 60,50 52,15 30,0",
        "40,3 15,8 0,45 10,90 35,100 60,70 58,25 40,2 25,8",
        "25,0 8,25 4,60 20,98 45,75 50,30 30,2 18,10"],
    1: ["30,0 28,50 25,100", "50,0 25,50 5,100", "10,25 35,0 35,0 35,100", "20,0 22,55 20,100"],
    2: ["5,25 20,3 45,3 60,22 45,55 5,100 5,100 65,98",
        "2,22 22,0 52,8 52,35 25,75 5,92 8,98 22,85 45,92 68,90",
        "0,15 25,0 50,15 40,50 0,98 0,98 60,100"],
    3: ["5,10 30,0 55,12 50,38 22,46 22,46 55,55 60,80 30,100 0,88",
        "5,0 55,0 55,0 25,40 25,40 60,58 55,92 20,100 0,86",
        "8,12 35,0 52,20 28,45 28,48 60,65 48,95 15,99 2,85"],
    4: ["22,0 0,62 0,62 65,60 | 48,25 44,100", "50,100 50,0 50,0 0,68 0,68 68,68", "8,2 5,50 5,50 55,48 | 52,0 50,100"],
    5: ["60,2 15,2 15,2 10,44 40,36 62,58 52,90 22,100 0,88",
        "15,3 10,45 42,38 60,62 48,93 18,100 0,86 | 13,4 62,0",
        "52,0 12,4 12,4 10,42 45,45 55,70 35,98 2,94"],
    6: ["45,0 15,30 2,70 20,99 48,92 55,70 38,52 12,62 4,78",
        "35,0 12,35 5,78 25,100 48,85 42,62 20,62 6,80",
        "55,5 28,12 5,50 8,88 32,100 55,82 45,58 20,58 6,75"],
    7: ["0,4 60,2 60,2 35,45 20,100", "2,3 58,0 58,0 25,100 | 12,50 55,48", "0,12 4,0 55,2 55,2 30,60 25,100"],
    8: ["52,15 28,0 8,15 22,42 48,62 48,90 25,100 5,88 10,65 40,42 52,15",
        "30,48 10,30 15,5 40,0 52,22 30,48 5,75 18,98 45,97 55,75 30,48",
        "48,8 20,2 10,25 45,60 45,92 18,98 5,78 30,45 48,8"],
    9: ["55,20 35,0 8,15 5,40 28,52 52,35 55,15 55,15 50,60 45,100",
        "50,10 25,0 3,22 15,48 42,42 52,12 52,12 54,55 40,90 12,98",
        "52,25 38,2 12,6 4,35 25,50 50,30 53,22 48,60 30,100"],
}
HELD_OUT = {
    0: ["48,10 28,0 2,35 8,80 32,100 58,68 50,18 30,3", "34,0 6,30 2,72 26,100 54,74 56,32 34,0",
        "20,4 2,50 18,96 42,98 62,52 46,6 20,4"],
    1: ["38,0 22,98", "8,28 32,2 32,2 30,100", "25,0 25,100", "15,18 30,0 30,0 24,100"],
    2: ["8,30 15,5 42,0 58,18 38,60 8,96 8,96 40,100 65,92", "5,12 35,0 55,25 30,70 2,98 2,98 30,94 60,98",
        "4,18 28,2 50,12 48,40 12,88 10,98 24,86 62,100"],
    3: ["2,14 28,0 50,14 42,40 18,47 18,47 52,52 58,78 32,99 4,92", "0,4 50,2 50,2 22,38 22,38 58,52 58,85 28,100 2,92",
        "10,4 42,2 50,25 20,48 20,48 50,52 50,90 5,98"],
    4: ["15,0 2,52 2,52 58,52 | 45,10 45,100", "45,0 0,70 0,70 70,66 | 48,0 46,100",
        "18,4 8,55 30,58 55,50 | 58,2 50,98"],
    5: ["58,0 18,4 18,4 8,46 38,40 60,62 45,96 4,96", "14,0 10,40 10,40 40,38 58,60 44,94 4,92 | 14,2 56,3",
        "60,4 20,0 20,0 14,40 52,48 56,80 26,100 2,90"],
    6: ["50,2 20,20 0,66 14,98 44,98 52,74 34,56 4,70", "30,0 8,50 8,88 30,100 50,80 36,60 8,74",
        "42,4 10,40 10,90 40,98 56,72 30,55 8,68"],
    7: ["4,2 62,4 62,4 42,40 28,98", "0,6 56,0 56,0 22,98 | 14,46 52,44", "6,16 6,2 60,0 60,0 40,35 18,100"],
    8: ["44,4 16,6 12,28 50,64 42,96 14,96 6,72 46,30 44,4",
        "28,46 6,26 24,0 50,14 44,36 28,46 4,70 14,97 46,98 56,72 28,46",
        "54,12 30,2 12,18 26,44 52,70 36,98 8,92 8,66 40,44 54,12"],
    9: ["50,14 26,0 4,24 18,50 46,38 50,14 50,14 48,98", "54,16 30,2 6,20 14,46 44,40 54,16 54,16 52,70 24,100 4,90",
        "48,6 16,4 8,34 34,46 50,10 50,10 42,60 36,99"],
}
WRITERS = {"tuning": TUNING, "held out": HELD_OUT}


@dataclass(frozen=True)
class Page:
    """How one kind of picture is made. Lengths are shares: of the digit's height (pen), of the page (digit, place)."""

    size: tuple = (480, 480)  # the page in pixels, width and height, before the camera
    digit: tuple = (0.45, 0.65)  # the digit's height as a share of the page's, drawn between the two
    place: tuple = (0.4, 0.6)  # where its middle may be, as a share of the page
    pen: tuple = (0.06, 0.1)  # the width of the stroke as a share of the digit's height
    ink: tuple = ("#141414", "#1a2a6c", "#20303a")
    paper: str = "#f2f0ea"
    pressure: float = 0.25  # how much the stroke's width varies
    texture: float = 0.0  # pencil and chalk: the share of the ink that the grain of the paper leaves out
    ruling: str = ""  # "squares", "lines" or ""
    ruling_ink: str = "#9db8d6"
    pitch: tuple = (18, 30)  # pixels between two lines of the ruling
    shadow: str = ""  # "slope", "edge" or ""
    desk: str = ""  # the colour of what lies around the paper
    perspective: float = 0.0  # how far the corners may be moved, as a share of the page
    turn: float = 4.0  # degrees that the digit may be turned
    blur: float = 0.6  # pixels
    noise: float = 2.0  # grey levels
    dust: int = 0  # specks
    beside: bool = False  # the edge of another stroke at the border
    side: int = 0  # the longer side of the file in pixels; 0: as it is
    kind: str = "JPEG"
    quality: int = 85
    orientation: int = 1  # EXIF: how the camera was held


PLAIN = Page()
KINDS = {
    "plain paper": PLAIN,
    "thin pen": replace(PLAIN, pen=(0.018, 0.03), digit=(0.55, 0.7)),
    "thick pen": replace(PLAIN, pen=(0.16, 0.2), ink=("#101010", "#b01818", "#0d5c2c")),
    "pencil": replace(PLAIN, pen=(0.04, 0.06), ink=("#6e6e6e", "#808080"), texture=0.35, paper="#efece4"),
    "coloured ink on cream": replace(PLAIN, ink=("#b3202a", "#1f5fbf", "#1d7a3a"), paper="#f7ebc8"),
    "squared paper": replace(PLAIN, ruling="squares"),
    "squared paper, thin pen": replace(PLAIN, ruling="squares", pen=(0.025, 0.04), ruling_ink="#a9bfd8"),
    "ruled paper": replace(PLAIN, ruling="lines", ruling_ink="#8fb0d8", pitch=(30, 50)),
    "shadow that fades": replace(PLAIN, shadow="slope"),
    "shadow with an edge": replace(PLAIN, shadow="edge"),
    "in a corner": replace(PLAIN, size=(640, 480), digit=(0.2, 0.3), place=(0.18, 0.2)),
    "small on a big page": replace(PLAIN, size=(1000, 800), digit=(0.1, 0.14), place=(0.2, 0.8), pen=(0.07, 0.11)),
    "filling the frame": replace(PLAIN, size=(300, 400), digit=(0.88, 0.94), place=(0.5, 0.5)),
    "60 pixels": replace(PLAIN, side=60, quality=75),
    "turned and slanted": replace(PLAIN, turn=18.0),
    "taken at an angle": replace(PLAIN, perspective=0.14, blur=1.2),
    "blurred": replace(PLAIN, blur=5.0, pen=(0.07, 0.11)),
    "coarse JPEG": replace(PLAIN, quality=12, side=240),
    "dark light, noise": replace(PLAIN, paper="#8a8880", ink=("#303030",), noise=9.0, blur=1.0),
    "specks of dust": replace(PLAIN, dust=40),
    "part of another digit beside": replace(PLAIN, beside=True, digit=(0.4, 0.55)),
    "paper on a dark desk": replace(PLAIN, desk="#4a3524", digit=(0.35, 0.5)),
    "chalk on a board": replace(PLAIN, paper="#22382e", ink=("#e8e8e0", "#f0e6a0"), texture=0.3, pen=(0.07, 0.11)),
    "transparent PNG": replace(PLAIN, paper="", kind="PNG", blur=0.0, noise=0.0),
    "phone held sideways": replace(PLAIN, orientation=6, size=(640, 480), perspective=0.05),
    "squares, shadow, angle": replace(
        PLAIN, ruling="squares", shadow="slope", perspective=0.08, blur=1.2, noise=4.0, quality=60, dust=5
    ),
    "hair-thin pen": replace(PLAIN, pen=(0.01, 0.015), digit=(0.6, 0.8)),
    "broad marker": replace(PLAIN, pen=(0.22, 0.27), digit=(0.6, 0.75)),
    "36 pixels": replace(PLAIN, side=36, quality=80, digit=(0.65, 0.8), pen=(0.07, 0.12)),
    "squares as dark as the pencil": replace(
        PLAIN, ruling="squares", ruling_ink="#8c98a8", ink=("#707070", "#606060"), pen=(0.05, 0.08), pitch=(24, 40)
    ),
    "deep shadow, low light": replace(PLAIN, shadow="deep edge", paper="#b8b2a4", noise=4.0, blur=1.0),
    "dark desk at one side": replace(PLAIN, desk="one side", place=(0.5, 0.65)),
    "anything": None,  # a page of its own for every picture: see `any_page`
    "drawn on a screen": replace(
        PLAIN, size=(280, 280), pen=(0.11, 0.13), pressure=0.0, ink=("#000000",), paper="#ffffff", kind="PNG",
        blur=0.0, noise=0.0, digit=(0.6, 0.8),
    ),
}

# Kinds that came after the preparation was finished: it was never tuned to them.
NEW_KINDS = {
    "yellow pad": replace(PLAIN, paper="#f3e27a", ruling="lines", ruling_ink="#7f9a6a", pitch=(34, 50), shadow="slope"),
    "white crayon on brown card": replace(PLAIN, paper="#a07a4c", ink=("#f4f0e6",), texture=0.25, pen=(0.08, 0.13)),
    "felt pen under a lamp": replace(PLAIN, paper="#d8d8d4", ink=("#a01c1c", "#143c8c"), shadow="lamp", blur=1.2),
    "small, tilted, on a table": replace(
        PLAIN, desk="#7a5c3c", digit=(0.2, 0.3), place=(0.35, 0.65), perspective=0.06, turn=10.0, noise=5.0, side=400
    ),
    "dark squares, thin pen, low light": replace(
        PLAIN, paper="#a8a69e", ruling="squares", ruling_ink="#7a8694", pen=(0.03, 0.05), noise=5.0, quality=50
    ),
    "80 pixels, shadow, squares": replace(PLAIN, side=80, shadow="edge", ruling="squares", pen=(0.07, 0.11)),
}


def any_page(rng):
    """A page with everything drawn at random, each within what people do."""
    thin = rng.uniform(0.02, 0.15)
    height = rng.uniform(0.15, 0.8)
    return Page(
        size=((480, 480), (640, 480), (480, 640))[rng.integers(3)], digit=(height, height),
        place=(0.05 + height / 2, 0.95 - height / 2), pen=(thin, thin * 1.3), pressure=rng.uniform(0, 0.4),
        ink=("#141414", "#1a2a6c", "#505050", "#a02028"), paper=("#ffffff", "#f2f0ea", "#d8d4c8")[rng.integers(3)],
        ruling=("", "", "squares", "lines")[rng.integers(4)], ruling_ink=("#9db8d6", "#b0b0b0")[rng.integers(2)],
        pitch=(16, 40), shadow=("", "", "slope", "edge")[rng.integers(4)],
        desk=("", "", "", "#4a3524")[rng.integers(4)],
        perspective=rng.uniform(0, 0.1), turn=8.0, blur=rng.uniform(0.3, 1.5), noise=rng.uniform(0, 6),
        dust=int(rng.integers(0, 8)), side=(0, 0, 320, 160)[rng.integers(4)], quality=int(rng.integers(30, 95)),
    )


def written(digit, style, rng):
    """A `draw(height, pen, pressure, rng)` for one digit in one hand: a mask, PIL "L", cropped to the ink.

    style: (a name in WRITERS, which of that writer's ways of making this digit).
    """
    strokes = [_curve(stroke) for stroke in WRITERS[style[0]][digit][style[1]].split("|")]
    slant, squeeze = rng.uniform(-0.12, 0.25), rng.uniform(0.85, 1.25)
    shakes = [_shake(len(stroke), rng) for stroke in strokes]
    points = [(stroke + shake) * (squeeze, 1) + (1 - stroke[:, 1:]) * (slant, 0)
              for stroke, shake in zip(strokes, shakes)]

    def draw(height, pen, pressure, rng):
        scale, width = 2 * height, 2 * height * pen  # twice too large, then halved: soft edges
        low = np.min([stroke.min(axis=0) for stroke in points], axis=0)
        high = np.max([stroke.max(axis=0) for stroke in points], axis=0)
        size = np.ceil((high - low) * scale + 2 * width + 4).astype(int)
        mask = Image.new("L", tuple(size.tolist()))
        pencil = ImageDraw.Draw(mask)
        for stroke in points:
            phase = rng.uniform(0, 6)
            along = np.linspace(0, 5, len(stroke))
            radii = width / 2 * (1 + pressure * np.sin(along + phase) * 0.6)
            for (x, y), radius in zip((stroke - low) * scale + width + 2, radii):
                pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        mask = mask.crop(mask.getbbox())
        return mask.resize((max(1, mask.width // 2), max(1, mask.height // 2)), Image.Resampling.BOX)

    return draw


def shown(mask):
    """A `draw` function for a digit that is there as a mask (PIL "L"): type, or a scan. The pen is as wide as it is."""
    mask = mask.crop(mask.getbbox())

    def draw(height, pen, pressure, rng):
        width = max(1, round(mask.width * height / mask.height))
        return mask.resize((width, round(height)), Image.Resampling.BICUBIC)

    return draw


def _curve(text):
    """The points of a smooth curve (Catmull-Rom) through the points in a text, float (n, 2), in digit heights."""
    given = np.array([[float(value) for value in point.split(",")] for point in text.split()]) / 100
    ends = np.concatenate([2 * given[:1] - given[1:2], given, 2 * given[-1:] - given[-2:-1]])
    time = np.linspace(0, 1, 60, endpoint=False)[:, None]
    parts = []
    for before, start, stop, after in zip(ends, ends[1:], ends[2:], ends[3:]):
        if np.array_equal(start, stop):
            continue
        # At a corner the curve leaves straight.
        before = start if np.array_equal(before, start) else before
        after = stop if np.array_equal(after, stop) else after
        parts.append(
            0.5 * (2 * start + (stop - before) * time + (2 * before - 5 * start + 4 * stop - after) * time**2
                   + (3 * start - before - 3 * stop + after) * time**3)
        )
    return np.concatenate([*parts, given[-1:]])


def _shake(count, rng):
    """Slow wobble of a hand along a stroke, float (count, 2): about two hundredths of the digit's height."""
    knots = rng.normal(0, 0.018, (max(3, count // 60), 2))
    at = np.linspace(0, 1, count)
    return np.stack([np.interp(at, np.linspace(0, 1, len(knots)), knots[:, axis]) for axis in (0, 1)], axis=1)


def picture(page, draw, rng):
    """The bytes of an image file: what `draw` draws, on this page."""
    width, height = page.size
    tall = height * rng.uniform(*page.digit)
    mask = draw(tall, rng.uniform(*page.pen), page.pressure, rng)
    mask = mask.rotate(rng.uniform(-page.turn, page.turn), Image.Resampling.BICUBIC, expand=True)
    most = 0.94 * width
    if mask.width > most:
        mask = mask.resize((round(most), max(1, round(mask.height * most / mask.width))), Image.Resampling.BICUBIC)
    layer = Image.new("L", page.size)
    x, y = (round(side * rng.uniform(*page.place) - length / 2) for side, length in zip(page.size, mask.size))
    x, y = max(x, round(0.02 * width)), max(y, round(0.02 * height))
    layer.paste(mask, (x, y))
    if page.beside:
        edge = ImageDraw.Draw(layer)
        edge.arc((width - 30, height * 0.3, width + 90, height * 0.6), 100, 260, fill=255, width=round(tall * 0.07))
    if page.texture:
        grain = Image.fromarray(np.uint8(rng.uniform(0, 255, (height, width)))).filter(ImageFilter.GaussianBlur(0.7))
        values = np.asarray(grain, float)
        kept = np.clip((values - np.quantile(values, page.texture)) / 20 + 0.7, 0.15, 1)
        layer = Image.fromarray(np.uint8(np.asarray(layer) * kept))
    ink = page.ink[rng.integers(len(page.ink))]
    if not page.paper:
        result = Image.new("RGBA", page.size, ink)
        result.putalpha(layer)
        return _saved(result, page)
    sheet = Image.new("RGB", page.size, page.paper)
    _rule(sheet, page, rng)
    sheet.paste(Image.new("RGB", page.size, ink), mask=layer)
    for _ in range(page.dust):
        at, radius = rng.uniform(0, 1, 2) * page.size, rng.uniform(0.8, 2.6)
        ImageDraw.Draw(sheet).ellipse([*(at - radius), *(at + radius)], fill="#3a3632")
    if page.desk == "one side":
        sheet.paste("#3a2a20", (0, 0, round(rng.uniform(0.05, 0.2) * width), height))
    elif page.desk:
        inset = round(0.09 * width), round(0.07 * height)
        desk = Image.new("RGB", page.size, page.desk)
        small = sheet.resize((width - 2 * inset[0], height - 2 * inset[1]), Image.Resampling.LANCZOS)
        desk.paste(small.rotate(rng.uniform(-3, 3), Image.Resampling.BICUBIC, fillcolor=page.desk), inset)
        sheet = desk
    if page.perspective:
        sheet = sheet.transform(
            page.size, Image.Transform.PERSPECTIVE, _corners(page, rng), Image.Resampling.BICUBIC,
            fillcolor=page.desk or page.paper,
        )
    values = np.asarray(sheet, float) * _light(page, rng)[:, :, None]
    values += rng.normal(0, page.noise, values.shape[:2])[:, :, None]
    result = Image.fromarray(np.uint8(values.clip(0, 255))).filter(ImageFilter.GaussianBlur(page.blur))
    return _saved(result, page)


def _rule(sheet, page, rng):
    if not page.ruling:
        return
    pen, pitch, start = ImageDraw.Draw(sheet), rng.uniform(*page.pitch), rng.uniform(0, 1)
    for at in np.arange(start * pitch, max(sheet.size), pitch):
        pen.line((0, at, sheet.width, at), fill=page.ruling_ink, width=1 + (page.ruling == "lines"))
        if page.ruling == "squares":
            pen.line((at, 0, at, sheet.height), fill=page.ruling_ink, width=1)


def _light(page, rng):
    """How much of the light reaches each pixel, float (rows, columns)."""
    width, height = page.size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    angle = rng.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    if page.shadow == "slope":
        return 0.7 + 0.3 * np.clip(across * 1.2, -1, 1)
    if page.shadow == "edge":  # the photographer's hand or phone
        return 1 - rng.uniform(0.3, 0.5) / (1 + np.exp(-(across - rng.uniform(-0.3, 0.3)) * rng.uniform(12, 40)))
    if page.shadow == "deep edge":
        return 1 - rng.uniform(0.55, 0.68) / (1 + np.exp(-(across - rng.uniform(-0.3, 0.3)) * rng.uniform(12, 40)))
    if page.shadow == "lamp":  # one bright spot, dim corners
        far = np.hypot(x - rng.uniform(-0.5, 0.5), y - rng.uniform(-0.5, 0.5))
        return 0.45 + 0.7 * np.exp(-((far / 0.8) ** 2))
    return np.ones((height, width))


def _corners(page, rng):
    """The eight coefficients of a perspective that moves the page's corners (a point of the result to its source)."""
    width, height = page.size
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    target = source + rng.uniform(-page.perspective, page.perspective, (4, 2)) * page.size
    rows = []
    for (x, y), (u, v) in zip(target, source):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    return np.linalg.solve(np.array(rows), source.ravel()).tolist()


def _saved(result, page):
    if page.side:
        result.thumbnail((page.side, page.side))
    options = {"quality": page.quality} if page.kind == "JPEG" else {}
    if page.orientation == 6:
        result = result.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = page.orientation
        options["exif"] = exif
    content = io.BytesIO()
    result.save(content, page.kind, **options)
    return content.getvalue()


@cache
def scans():
    """{digit: [mask, ...]}: twenty of each digit, 8x8, that other people wrote on forms.

    The first of each class in scikit-learn's `load_digits`, the test part of Alpaydin and Kaynak, "Optical Recognition
    of Handwritten Digits", UCI Machine Learning Repository, 1998 (CC BY 4.0).
    """
    masks = {digit: [] for digit in range(10)}
    for line in (Path(__file__).parent / "reference" / "uci_digits.txt").read_text("ascii").splitlines():
        label, levels = line.split()
        values = np.array([min(16 * int(level, 17), 255) for level in levels], np.uint8).reshape(8, 8)
        masks[int(label)].append(Image.fromarray(np.pad(values, 2)).resize((192, 192), Image.Resampling.BICUBIC))
    return masks


@cache
def printed():
    """{digit: [mask, ...]}: each digit in the typefaces that come with Matplotlib."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    masks = {digit: [] for digit in range(10)}
    for name in ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral"):
        font = ImageFont.truetype(str(folder / f"{name}.ttf"), 200)
        for digit in masks:
            mask = Image.new("L", (300, 300))
            ImageDraw.Draw(mask).text((60, 30), str(digit), fill=255, font=font)
            masks[digit].append(mask)
    return masks


SHOWN = {"scans": scans, "print": printed}


def pictures(kind, writer="tuning", seed=0, each=None):
    """[(label, bytes)]: pictures of one kind of every digit, in all of a writer's ways, or in `each` ways by chance.

    writer: one of WRITERS, or of SHOWN, whose pen is as it is: kinds that differ by their pen alone are the same there.
    """
    kinds = KINDS | NEW_KINDS
    rng = np.random.default_rng([seed, list(kinds).index(kind), [*WRITERS, *SHOWN].index(writer)])
    result = []
    for digit in range(10):
        ways = SHOWN[writer]()[digit] if writer in SHOWN else WRITERS[writer][digit]
        for way in range(len(ways)) if each is None else rng.permutation(len(ways))[:each]:
            page = kinds[kind] or any_page(rng)
            draw = shown(ways[way]) if writer in SHOWN else written(digit, (writer, way), rng)
            result.append((digit, picture(page, draw, rng)))
    return result
