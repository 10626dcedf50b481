"""Make the font of the charts: of Droid Sans Fallback only the characters that they use when they speak Chinese.

    python tests/make_font.py DROID_SANS_FALLBACK_TTF

The file is DroidSansFallback.ttf of Debian's package fonts-droid-fallback. Run this again when test_chart_font.py finds
a character missing. The same file and the same words give the same bytes.
"""

import json
import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from test_language import of_python

import mnistlab
from mnistlab.plots import FAMILY, FONT
from mnistlab.settings import TABLE

PACKAGE = Path(mnistlab.__file__).parent
WORDS = json.loads((PACKAGE / "chinese.json").read_text("utf-8"))
# What charts show and other modules say: values of settings, names of runs, of layers.
OTHERS = ("no {setting}", ", ", "Run {number}", "{name}, taught", "{name}, restored", "{name}, loaded")
LAYERS = "隐藏层 卷积层 输出层 第层 归一化 池化 …"


def sentences():
    """Every English sentence that may stand on a chart."""
    yield from of_python(PACKAGE / "plots.py")
    yield from OTHERS
    for item in TABLE.values():
        yield from filter(None, map(item.metadata.get, ("label", "unit")))
        yield from (choice for choice in item.metadata["choices"] if choice in WORDS)


def characters():
    """All that charts in Chinese are written with; matplotlib's own font has some of it."""
    return {*map(chr, range(32, 127)), *LAYERS, *"".join(WORDS[each] for each in sentences())}


def main(source):
    font = TTFont(source)
    options = Options(notdef_outline=True, hinting=False, layout_features=[], name_IDs=[*range(7), 13, 14])
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=map(ord, characters()))
    subsetter.subset(font)
    # A name of its own: the machine may have the whole font as well.
    for record in font["name"].names:
        if record.nameID in (1, 3, 4):
            record.string = FAMILY
        elif record.nameID == 6:
            record.string = FAMILY.replace(" ", "-")
    font["head"].modified = font["head"].created
    font.recalcTimestamp = False
    FONT.parent.mkdir(exist_ok=True)
    font.save(FONT)
    print(f"{FONT.name}: {len(font.getBestCmap())} characters, {FONT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
