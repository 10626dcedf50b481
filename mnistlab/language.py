"""The words of the page in the language of its reader: English as it stands in the code, Chinese from one table."""

import json
from functools import cache
from pathlib import Path

ENGLISH, CHINESE = "en", "zh"
LANGUAGES = {ENGLISH: "English", CHINESE: "简体中文"}
_spoken = ENGLISH


def speak(language):
    """Use this language, a key of LANGUAGES, from now on. A process has one: the page's kernel serves one reader."""
    global _spoken
    if language not in LANGUAGES:
        raise ValueError(f"The language is {language!r}; it must be one of {', '.join(LANGUAGES)}.")
    _spoken = language


def spoken():
    """The key of the language in use."""
    return _spoken


def t(english, **values):
    """A sentence in the language in use, its {fields} filled in as str.format does.

    A sentence that the table lacks stays English: better than none. A test sees to it that there is no such sentence.
    """
    sentence = words().get(english, english)
    return sentence.format(**values) if values else sentence


def words():
    """The table of the language in use, {English: translated}; none for English."""
    return _chinese() if _spoken == CHINESE else {}


@cache
def _chinese():
    return json.loads(Path(__file__).with_name("chinese.json").read_text("utf-8"))
