"""What the tests of the Chinese page share: everything that a page says, and English again after each test."""

import re

import ipywidgets
import pytest

from mnistlab import data, language

HAN = re.compile("[\u4e00-\u9fff]")
CLOTHES = re.compile(rf"\b({'|'.join(map(re.escape, data.CLOTHES))})\b")


@pytest.fixture(autouse=True)
def english_again():
    yield
    language.speak(language.ENGLISH)


def within(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from within(child)


def shown(widget):
    """Everything that a reader, or a screen reader, is told by a widget and those within it."""
    for each in within(widget):
        if isinstance(each, ipywidgets.HTML):
            yield from re.findall(r'(?:alt|aria-label|title)="([^"]*)"', each.value)
            yield from re.split(r"<[^>]*>", each.value)
        for name in ("description", "tooltip", "placeholder", "label"):
            said = getattr(each, name, "")
            yield said if isinstance(said, str) else ""
        for option in getattr(each, "options", ()):
            yield str(option[0] if isinstance(option, tuple) else option)
