"""What checks have in common: reading a number that a pupil typed, and asking a function that a pupil wrote."""

import math
import re
import unicodedata

import numpy as np

from ..lessons import OPEN, Verdict, wrong

NOTHING = "Your function returns nothing. Is there a return at its end?"
YES_OR_NO = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# Words behind a number that are more than what is counted: "8 thousand", "5 percentage points", "80 k", "3 or four".
MANY = (
    r"\d\s*((k|m|e|mn|mln|mio|mil|bn|pct|pp|in (?!total|all\b)|of (?!them)|or|to|and|out|"
    r"(half|third|quarter|fourth|fifth|sixth|seventh|eighth|ninth|ten|tenth|dozen)s?|halves|"
    r"(eleventh|twelfth|\w+teenth|\w+tieth)s?)\b|"
    r"(hundred|thousand|tenthousand|million|billion|per ?cent|per ?mill?e?)\w*)|[百千万億亿成]"
)
NOT_WRITTEN = Verdict(OPEN, "Replace the three dots in the function by your own code and run the cell again.")


def missing(found):
    """The Verdict on what a pupil's function gave back where that is no answer, three dots or nothing; else None."""
    if found is ...:
        return NOT_WRITTEN
    return wrong(NOTHING) if found is None else None


def number_in(answer):
    """The finite number that an answer is, as a float, or None: also one that was typed, or alone in a list or array.

    Typed, it may be "1,000", "0,85" or "0.85", "85 %", "1e-3" or "10^-3", "1/3", and a word or two may say of what:
    "120 steps". A comma before three digits that could be either marks thousands, as English has it.
    """
    if isinstance(answer, str):
        return _typed_number(answer)
    try:
        (value,) = np.ravel(np.asarray(answer, dtype=object))
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool | np.bool_) else None


def _typed_number(typed):
    if any(unicodedata.category(sign) == "No" for sign in typed):
        return None  # the next line would make 102 of 10²
    typed = unicodedata.normalize("NFKC", typed).strip().lstrip("=≈~ ")  # full-width digits become plain ones
    whole, percent = re.fullmatch(r"(.*?)\s*(%|per ?cent)?", typed, re.DOTALL).groups()
    if not percent and not re.search(MANY, whole, re.IGNORECASE):
        whole = re.sub(r"(?<=\d)\s*[^\W\d_]+( [^\W\d_]+)?$", "", whole)
    parts = [_decimal(part.strip()) for part in whole.split("/")]
    if None in parts or len(parts) > 2 or 0 in parts[1:]:
        return None
    number = parts[0] / (parts[1] if parts[1:] else 1) / (100 if percent else 1)
    return number if math.isfinite(number) else None


def _decimal(typed):
    """A typed number without a fraction, as a float, or None."""
    typed = typed.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    typed = re.sub(r"(?<=\d)[ _'’](?=\d{3}(?!\d))", "", typed)
    if power := re.fullmatch(r"(?:(.+?)\s*[x×·*]\s*)?10\s*(?:\^|\*\*)\s*([+-]?\d+)", typed):
        typed = f"{power[1] or 1}e{power[2]}"
    if re.match(r"[+-]?[1-9]\d{0,2}(,\d{3})+(?![\d,])", typed):
        typed = typed.replace(",", "")
    elif re.match(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,|\.\d{3}(?![\d.]))", typed):
        typed = typed.replace(".", "")
    typed = typed.replace(",", ".")
    plain = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", typed, re.IGNORECASE)
    return float(typed) if plain else None


def named_numbers(typed):
    """Typed names with values, "l2: 0.01, batch norm = yes", as {name: number, True, False or text}, or None."""
    found, typed = {}, unicodedata.normalize("NFKC", typed).strip().strip("{},; ")
    for part in re.split(r"[;\n]|\band\b|,(?!\d)", typed):  # a comma before a digit may be a decimal one
        pair = re.fullmatch(r"([^:=]+?)(?:\s*[:=]\s*|\s+)([^\s:=]+(?:\s*%)?)", re.sub("[\"']", "", part).strip())
        if pair is None:
            return None
        name, value = pair[1].strip().lower().replace(" ", "_"), pair[2]
        number = YES_OR_NO.get(value.lower(), number_in(value))
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        found[name] = value if number is None else number
    return found


def about(number, expected, tolerance):
    """Whether two numbers are the same, give or take `tolerance`, which is as far as rounding goes."""
    return abs(number - expected) <= tolerance * (1 + 1e-9)


def is_same(given, expected):
    """Whether what a function returned is this array: the same shape and numbers, give or take one in 10,000."""
    given = numbers_in(given)
    return given is not None and given.shape == expected.shape and np.allclose(given, expected, rtol=1e-4, atol=1e-6)


def numbers_in(given):
    """A list or an array as an array of numbers, truth values as 0 and 1; None for anything else."""
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        return None
    return array.astype(float) if array.dtype.kind in "biuf" else None
