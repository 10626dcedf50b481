"""A dataset of one's own: a zip of folders, each named after a class and full of its pictures.

Nothing is ever written to disk, and a zip that would unpack to far more than it weighs is refused before it is
unpacked.
"""

import io
import math
import unicodedata
import zipfile

import numpy as np
from PIL import Image, ImageOps

from .data import Dataset
from .images import MAX_BYTES, SIDE, UnreadableImage, open_image
from .language import t

# A message to a server may hold 100 MB (server.py), and something goes with the zip.
MAX_ZIP, MAX_UNPACKED, MAX_RATIO = 90_000_000, 500_000_000, 100
MAX_FILES, MAX_CLASSES, MAX_DEPTH, MAX_PIXELS = 20_000, 100, 20, 2_000_000_000
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".heic", ".heif")  # `open_image` has a word on HEIC
FITS = ("pad", "crop", "squash")
INVERSIONS = ("auto", "always", "never")
EXPECTED = "Put the pictures of each class into a folder named after it, 2 folders of 2 or more, and zip them."


def read_zip(content, fit="pad", invert="auto"):
    """(Dataset, skipped) of a zip's bytes; skipped: a sentence for each picture that was left out.

    Folders are classes, at the top of the zip or below one common folder; PNG or JPEG, or what else `open_image`
    reads. Pictures become grey and 28 x 28, upright as their EXIF says: fit="pad" keeps all of a picture and its
    proportions, "crop" cuts its middle square, "squash" stretches it. MNIST is bright on black: with invert="auto" a
    picture whose border is brighter than the middle of its range of greys is inverted, "always" inverts all, "never"
    none.

    Classes come sorted by name (numbers by value), images by file name, one of each class in turn, so that the first
    images are of all classes. Raises ValueError for a zip that is damaged, locked or too large, and where there are not
    2 to 100 classes of at least 2 readable pictures.
    """
    reading = ZipReading(content, fit, invert)
    for _ in reading:
        pass
    return reading.dataset, reading.skipped


class ZipReading:
    """`read_zip`, to be pulled: each step reads one picture, so that a page can breathe.

    Parameters and errors are those of `read_zip`. All that can be refused without unpacking is refused when it is made.
    Iterate it for the number of pictures done, of `total`. `skipped` grows as it goes; `dataset` is there at the end.
    """

    def __init__(self, content, fit="pad", invert="auto"):
        for what, value, allowed in (("fit", fit, FITS), ("invert", invert, INVERSIONS)):
            if value not in allowed:
                raise ValueError(f"{what} is {value!r}; it must be one of {', '.join(allowed)}.")
        self.fit, self.invert = fit, invert
        self.dataset, self.skipped = None, []
        self._zip = _opened(content)
        self._members = self._sorted_into_classes(_pictures(self._zip, len(content), self.skipped))
        self._images, self._pixels = {name: [] for name in self._members}, 0
        self.total = sum(map(len, self._members.values()))
        self._steps = self._read()

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._steps)

    def _sorted_into_classes(self, pictures):
        """{class: [(path, ZipInfo), ...]}, both sorted; pictures outside of any folder are skipped."""
        above = _common_folders([path[:-1] for path, _ in pictures])
        classes = {}
        for path, info in sorted(pictures, key=lambda picture: picture[0]):
            if len(path) - 1 > above:
                classes.setdefault(path[above], []).append((path, info))
            else:
                self.skipped.append(t("{path} is in no class's folder and was left out.", path="/".join(path)))
        if not classes:
            raise ValueError(t(
                "The zip has no folder with pictures; 2 to {most} classes can be read. {expected}", most=MAX_CLASSES,
                expected=t(EXPECTED),
            ))
        if not 2 <= len(classes) <= MAX_CLASSES:
            raise ValueError(t(
                "The zip has {count} class ({shown}); 2 to {most} classes can be read. {expected}" if len(classes) == 1
                else "The zip has {count} classes ({shown}); 2 to {most} classes can be read. {expected}",
                count=len(classes), shown=_counted(classes), most=MAX_CLASSES, expected=t(EXPECTED),
            ))
        return {name: classes[name] for name in sorted(classes, key=_by_value)}

    def _read(self):
        done = 0
        for name, members in self._members.items():
            for path, info in members:
                try:
                    self._images[name].append(self._image("/".join(path), info))
                except UnreadableImage as error:
                    self.skipped.append(str(error))
                done += 1
                yield done
        self.dataset = self._gathered()

    def _image(self, name, info):
        """uint8 (28, 28) of one picture of the zip. Raises UnreadableImage."""
        try:
            with self._zip.open(info) as file:
                content = file.read(MAX_BYTES + 1)  # whatever size the zip declares
        except Exception as error:  # zipfile raises many kinds: BadZipFile, zlib.error, EOFError ...
            raise UnreadableImage(t("{name} is damaged within the zip and cannot be read.", name=name)) from error
        picture = open_image(content, name)
        self._pixels += picture.width * picture.height
        if self._pixels > MAX_PIXELS:
            raise ValueError(t(
                "The pictures in the zip have more than {most:,} million pixels. Make them smaller; {side} x {side} is "
                "what is used of them.", most=MAX_PIXELS // 1_000_000, side=SIDE,
            ))
        return grey_square(picture, self.fit, self.invert)

    def _gathered(self):
        images = {name: found for name, found in self._images.items() if len(found) > 1}
        for name in sorted(self._images.keys() - images.keys()):
            count = len(self._images[name])
            self.skipped.append(t(
                "The class {name} was left out: it needs 2 readable pictures and has {count}.", name=name, count=count
            ))
        if len(images) < 2:  # of the 2 or more that there are in the zip
            raise ValueError(t(
                "The zip has readable pictures in {count} classes ({shown}). {expected}", count=len(self._images),
                shown=_counted(self._images), expected=t(EXPECTED),
            ))
        turns = [(turn, label) for label, found in enumerate(images.values()) for turn in range(len(found))]
        turns.sort()
        names = tuple(images)
        self._images = None  # the stack below is all that is kept
        stack = np.stack([images[names[label]][turn] for turn, label in turns])
        return Dataset(stack, np.array([label for _, label in turns], np.uint8), names)


def grey_square(picture, fit="pad", invert="auto"):
    """A PIL picture, RGB or RGBA, as uint8 (28, 28); fit and invert: as for `read_zip`."""
    if picture.mode == "RGBA":
        picture = _on_ground(picture)
    grey = picture.convert("L")
    values = np.asarray(grey)
    border = np.median(np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]]))
    bright = border > (int(values.min()) + int(values.max())) / 2
    small = _fitted(grey, fit, int(border))
    if invert == "always" or (invert == "auto" and bright):
        small = ImageOps.invert(small)
    return np.array(small)


def _on_ground(picture):
    """A transparent picture on white, or on black where what is drawn is bright itself."""
    values = np.asarray(picture.convert("LA"), float)
    grey, alpha = values[..., 0], values[..., 1]
    drawn_bright = (grey * alpha).sum() > 127.5 * alpha.sum()
    ground = Image.new("RGBA", picture.size, "black" if drawn_bright else "white")
    ground.alpha_composite(picture)
    return ground


def _fitted(grey, fit, ground):
    if fit == "crop":
        return ImageOps.fit(grey, (SIDE, SIDE), Image.Resampling.BILINEAR)
    if fit == "squash":
        return grey.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    scale = SIDE / max(grey.size)
    size = [max(1, round(side * scale)) for side in grey.size]
    frame = Image.new("L", (SIDE, SIDE), ground)
    frame.paste(grey.resize(size, Image.Resampling.BILINEAR), tuple((SIDE - side) // 2 for side in size))
    return frame


def _opened(content):
    """The ZipFile of these bytes. Raises ValueError."""
    if len(content) > MAX_ZIP:
        raise ValueError(t(
            "The zip is {size:.0f} MB; up to {most} MB can be read. Make its pictures smaller.",
            size=len(content) / 1e6, most=MAX_ZIP // 1_000_000,
        ))
    # Each entry of the list of files begins so. Counting them first keeps a list of millions from being built.
    if content.count(b"PK\x01\x02") > MAX_FILES:
        raise ValueError(t(
            "The zip has more than {most:,} files, the most that can be read. Take fewer pictures.", most=MAX_FILES
        ))
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # damage raises many kinds: BadZipFile, struct.error, UnicodeDecodeError ...
        raise ValueError(t("The file is not a zip, or it is damaged. {expected}", expected=t(EXPECTED))) from error


def _pictures(archive, weight, skipped):
    """[(path as a tuple of names, ZipInfo)] of all pictures by their names; says in `skipped` which files are not.

    weight: the length of the zip. Raises ValueError for a zip bomb or a locked zip.
    """
    found, unpacked = [], 0
    for info in archive.infolist():
        text = unicodedata.normalize("NFC", info.filename.replace("\\", "/"))
        text = "".join(letter if letter.isprintable() else "?" for letter in text)
        path = tuple(part for part in text.split("/") if part not in ("", "."))
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path)
        if text.endswith("/") or hidden or not path or path[-1].lower() in ("thumbs.db", "desktop.ini"):
            continue
        if not path[-1].lower().endswith(SUFFIXES):
            skipped.append(t("{path} is not a PNG or JPEG picture and was left out.", path="/".join(path)))
            continue
        if info.flag_bits & 1:
            raise ValueError(t("The zip is locked with a password. Make one without."))
        unpacked += info.file_size
        # Other methods may ask for gigabytes of memory before the first byte comes out.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            skipped.append(t(
                "{path} is packed in a way that cannot be read here. Zip it in the usual way.", path="/".join(path)
            ))
        else:
            found.append((path, info))
    # Pictures hardly get smaller in a zip. A few small ones that do are no danger.
    if unpacked > MAX_UNPACKED or (unpacked > MAX_BYTES and unpacked > MAX_RATIO * weight):
        raise ValueError(t(
            "The zip of {size} MB would unpack to {unpacked:,.0f} MB, so it was not unpacked. Its pictures may have up "
            "to {most} MB and up to {ratio} times what the zip has.", size=math.ceil(weight / 1e6),
            unpacked=unpacked / 1e6, most=MAX_UNPACKED // 1_000_000, ratio=MAX_RATIO,
        ))
    return found


def _common_folders(folders):
    """How many outer folders all pictures share, the classes' own not counted."""
    deepest = min(max(map(len, folders), default=0), MAX_DEPTH)
    for shared in range(deepest):
        if shared + 1 == deepest or len({path[shared : shared + 1] for path in folders}) > 1:
            return shared
    return 0


def _by_value(name):
    return (0, int(name), name) if name.isdecimal() and len(name) < 20 else (1, 0, name)


def _counted(classes):
    """How many pictures the first classes have: "cats: 12, dogs: 9"."""
    counts = [f"{name}: {len(members)}" for name, members in sorted(classes.items())]
    return t(", ").join(counts[:5]) + (t(", ") + "..." if len(counts) > 5 else "")
