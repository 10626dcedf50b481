"""The words of the page: every sentence that it can say is in the table, and the table has no other."""

import ast
import json
import re
import string
from pathlib import Path

import pytest
from chinese import HAN, english_again  # noqa: F401 - the fixture works by being here

import mnistlab
from mnistlab import data, language
from mnistlab.app.inside import PARTS
from mnistlab.presets import PRESETS
from mnistlab.settings import TABLE

PACKAGE = Path(mnistlab.__file__).parent
NOTEBOOK = PACKAGE.parent / "notebooks" / "lab.ipynb"
WORDS = json.loads((PACKAGE / "chinese.json").read_text("utf-8"))
# The same in every language.
NAMES = {"Fashion-MNIST", "relu", "leaky-relu", "he", "glorot", "lecun", "sgd", "nesterov", "rmsprop", "adam"}
JOINTS = (", ", "; ", " ")  # between words, parts of a sentence, sentences


def of_python(path):
    """Every sentence given to `t` in a module: a string, or a constant of the module."""
    tree = ast.parse(path.read_text("utf-8"))
    constants = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            try:
                value = ast.literal_eval(node.value)
            except ValueError:
                continue
            names = node.targets[0]
            pairs = zip(names.elts, value) if isinstance(names, ast.Tuple) else [(names, value)]
            constants |= {name.id: said for name, said in pairs if isinstance(name, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "t":
            yield from sentences(node.args[0], constants)


def sentences(given, constants):
    """What an argument of `t` may be: a string, a constant in capitals or a part of one, or either of two."""
    if isinstance(given, ast.Constant):
        yield given.value
    elif isinstance(given, ast.IfExp):
        yield from (*sentences(given.body, constants), *sentences(given.orelse, constants))
    elif isinstance(given, ast.Subscript):
        yield from sentences(given.value, constants)
    elif isinstance(given, ast.Name) and given.id.isupper():
        found = constants[given.id]
        found = found.values() if isinstance(found, dict) else [found] if isinstance(found, str) else found
        yield from (each for each in found if isinstance(each, str))


def of_script(path):
    """Every sentence given to `t` in a script, in double quotes, on one line or several joined by +."""
    for found in re.finditer(r'\bt\(\s*((?:"(?:[^"\\]|\\.)*"\s*\+?\s*)+)', path.read_text("utf-8")):
        yield "".join(json.loads(f'"{part}"') for part in re.findall(r'"((?:[^"\\]|\\.)*)"', found[1]))


def of_notebook():
    """Every heading and paragraph of the lab's notebook, as the browser has its text."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    yield notebook["metadata"]["title"]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for block in "".join(cell["source"]).split("\n\n"):
                yield " ".join(re.sub(r"\*+|^#+ ", "", block).split())


def used():
    """{sentence: where it comes from} of all there are."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        found |= dict.fromkeys(of_python(path), path.name)
    for path in sorted(PACKAGE.rglob("*.js")):
        found |= dict.fromkeys(of_script(path), path.name)
    found |= dict.fromkeys(of_notebook(), "lab.ipynb")
    for item in TABLE.values():
        found |= dict.fromkeys(filter(None, map(item.metadata.get, ("label", "help", "unit"))), "settings.py")
        found |= dict.fromkeys((each for each in item.metadata["choices"] if each not in NAMES), "settings.py")
    for preset in PRESETS.values():
        found |= dict.fromkeys((preset.title, preset.watch), "settings.py")
    for part in PARTS.values():
        found |= dict.fromkeys((part.title, part.about), "inside.py")
    found |= dict.fromkeys((*data.TITLES.values(), *data.CLOTHES), "data.py")
    return found


def fields(sentence):
    return sorted(name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None)


def test_no_sentence_is_missing_from_the_table():
    missing = {sentence: place for sentence, place in used().items() if sentence not in WORDS}
    assert not missing


def test_no_sentence_of_the_table_is_unused():
    assert sorted(set(WORDS) - set(used())) == []


@pytest.mark.parametrize("english", WORDS)
def test_each_is_translated_with_the_same_fields(english):
    chinese = WORDS[english]
    assert fields(chinese) == fields(english)
    if re.search("[a-z]{3}", re.sub(r"\{.*?\}|<.*?>", "", english)) and english not in NAMES:
        assert HAN.search(chinese), f"{english!r} is not translated"


def plain(sentence):
    """A sentence without its tags and entities, a zero for each field."""
    return re.sub(r"\{[^{}]*\}", "0", re.sub(r"<[^>]*>|&\w+;", "", sentence))


@pytest.mark.parametrize("english", WORDS)
def test_no_half_width_sign_stands_beside_chinese(english):
    chinese = plain(WORDS[english]).replace("exp(z / T − 最大值)", "")  # a formula
    assert not re.search(r"[\u4e00-\u9fff] ?[,;:!?()]|[,;:!?()] ?[\u4e00-\u9fff]", chinese)
    assert " %" not in chinese


@pytest.mark.parametrize("english", WORDS)
def test_a_sentence_ends_as_in_english(english):
    """A part of a sentence ends in no sign, in either language; one that ends in a field may hold a sentence."""
    ends = {".": "。", "?": "？", "!": "！", ":": "：", "…": "…", ",": "，"}
    one, other = plain(english).rstrip(")"), plain(WORDS[english]).rstrip("）)")
    if english not in JOINTS:
        assert ends.get(one[-1:], "") == (other[-1:] if other[-1:] in ends.values() else "")


def test_the_table_is_in_order():
    assert list(WORDS) == sorted(WORDS)


def test_what_no_table_has_stays_english():
    language.speak("zh")
    assert language.t("No table has {this}.", this=1) == "No table has 1."


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="must be one of en, zh"):
        language.speak("fr")
