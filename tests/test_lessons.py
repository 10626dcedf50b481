"""Every lesson has the frame that all share. Where there is a Chromium, tests/browser/test_lessons.py runs it."""

import json
import re
from importlib import import_module
from urllib.parse import urlsplit

import nbformat
import pytest

from benchmarks.front_page import NOTEBOOKS, index, lessons
from mnistlab import links
from mnistlab.exercises.answers import NOT_WRITTEN
from mnistlab.lessons import EXERCISES, check, compared, right, show_histories, show_images, show_lines
from mnistlab.training import History, Row

LEVELS = {"beginner", "intermediate", "advanced"}
LONGEST_CELL, LONGEST_LINE = 12, 100
PANELS = ["train", "curves", "mistakes", "inside", "digit", "data", "keep"]
every_lesson = pytest.mark.parametrize("path", lessons(), ids=lambda path: path.stem)
every_notebook = pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)


def cells(path, kind):
    notebook = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def exercises_of(path, kind="check|Answer"):
    """The numbers of a lesson's exercises: of functions, which are written in a cell, and of typed answers."""
    return re.findall(rf'\b(?:{kind})\("([\d.]+)"', "\n".join(cells(path, "code")))


def test_there_are_ten():
    assert [path.name[:2] for path in lessons()] == [f"{number:02}" for number in range(1, 11)]


@every_lesson
def test_it_has_the_frame_of_a_lesson(path):
    notebook = json.loads(path.read_text("utf-8"))
    about, number = notebook["metadata"]["mnistlab"], int(path.name[:2])
    assert notebook["metadata"]["voila"] == {"template": "mnistlab"}
    assert about["lesson"] == number and about["level"] in LEVELS and 5 <= about["minutes"] <= 60
    assert about["question"].endswith("?") and 2 <= len(about["goals"]) <= 3
    text = "\n".join(cells(path, "markdown"))
    first = cells(path, "markdown")[0]
    assert all(goal in " ".join(first.split()) for goal in about["goals"])
    assert re.search(rf"\b{about['minutes']}\sminutes", first)
    assert first.startswith(f"# {number}. ") and about["question"] in " ".join(first.split())
    assert "Sources" in text
    code = cells(path, "code")
    assert any("Live(" in cell or "Panel(" in cell for cell in code)
    assert "compared(" in code[-1]
    assert [cell for cell in code if len(cell.splitlines()) > LONGEST_CELL] == []
    assert [line for cell in code for line in cell.splitlines() if len(line) > LONGEST_LINE] == []
    assert sum(bool(cell["metadata"].get("picture")) for cell in notebook["cells"]) == 1
    # On a page, what follows the cell with a prediction is hidden until the reader has made it.
    predictions = [cell for cell in cells(path, "markdown") if "**Predict.**" in cell]
    assert len(predictions) >= 2
    assert not any(re.search(r"\*\*(Look|Explain)\.\*\*", each.partition("**Predict.**")[2]) for each in predictions)


@every_lesson
def test_its_exercises_are_two_or_three_and_each_is_checked(path):
    numbers = exercises_of(path)
    assert 2 <= len(set(numbers)) <= 3 and {number.split(".")[0] for number in numbers} == {str(int(path.name[:2]))}
    import_module(f"mnistlab.exercises.lesson{path.name[:2]}")
    assert sorted(set(numbers)) == sorted(each for each in EXERCISES if each.split(".")[0] == str(int(path.name[:2])))
    assert all(check(number, ...).state == "open" for number in numbers)


@every_notebook
def test_outputs_are_stripped(path):
    notebook = json.loads(path.read_text("utf-8"))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
    nbformat.validate(nbformat.read(path, 4))


@every_notebook
def test_links_within_the_repository_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", "\n".join(cells(path, "markdown"))):
        place = urlsplit(target)
        if place.scheme:
            assert place.scheme == "https"
            continue
        assert (NOTEBOOKS / place.path).is_file(), target
        if place.query:
            assert place.path == "lab.ipynb" and links.read(place.query, PANELS).problems == ()


def test_the_front_page_is_what_the_lessons_say():
    assert json.loads((NOTEBOOKS / "index.ipynb").read_text("utf-8")) == json.loads(json.dumps(index()))


# What the lessons share


def test_an_unknown_exercise_is_named():
    with pytest.raises(ValueError, match=r"no exercise '0\.9'"):
        check("0.9", 1)


def test_a_check_never_breaks(monkeypatch):
    def checks(answer):
        return 1 / 0

    monkeypatch.setitem(EXERCISES, "0.1", checks)
    verdict = check("0.1", 5)
    assert verdict.state == "wrong" and "division by zero" in str(verdict)
    assert check("0.1", ...).state == "open"


def test_an_open_exercise_on_a_page_says_where_to_write(monkeypatch):
    monkeypatch.setitem(EXERCISES, "0.1", lambda answer: NOT_WRITTEN)
    assert all("run the cell again" in str(check("0.1", answer)) for answer in (..., 5))
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.8")
    for answer in ..., 5:
        verdict = check("0.1", answer)
        assert verdict.state == "open" and str(verdict).startswith("Your turn.") and "JupyterLab" in str(verdict)
    monkeypatch.setitem(EXERCISES, "0.1", lambda answer: right("So it is."))
    assert str(check("0.1", 5)) == "Right. So it is."


def test_the_table_says_both_and_escapes_them():
    table = compared("A, B", ("accuracy <1>", 0.784, 0.78412), ("shape", "(2, 3)", (2, 3)))
    assert "accuracy &lt;1&gt;" in table._repr_html_()
    assert str(table) == "accuracy <1>: 0.784 / 0.784\nshape: (2, 3) / (2, 3)"


def test_pictures_carry_what_a_screen_reader_says():
    history = History(rows=[Row(1, 0.6, 0.7, 0.5, 0.8, 0.1), Row(2, 0.4, 0.8, 0.45, 0.85, 0.1)])
    made = [
        show_images([[[0, 1], [1, 0]]] * 3, ["a", "b", "c"]),
        show_lines({"one": [1, 2], "two": ([3, 4], [5, 6])}, "x", "y"),
        show_histories({"A": history}), show_histories({"A": history}, "accuracy"),
    ]
    said = [re.search('alt="([^"]*)"', each._repr_html_())[1] for each in made]
    assert said[:2] == ["3 images: a, b, c", "y against x: one, two"]
    assert "A: validation ends at 0.450" in said[2] and "A: training ends at 0.800" in said[3]
