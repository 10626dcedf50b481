"""The field for an exercise's answer: what is typed reaches the check, and whatever it is, a sentence answers."""

import pytest
from chinese import HAN, english_again  # noqa: F401 - the fixture works by being here

from mnistlab import language
from mnistlab.app import Answer
from mnistlab.exercises.answers import named_numbers, number_in
from mnistlab.lessons import OPEN, RIGHT, WRONG


def answered(number, typed):
    """The panel after somebody has typed this and pressed Enter."""
    panel = Answer(number, "Your answer")
    panel.field.value = typed
    return panel


def button(panel):
    return panel.children[0].children[1]


def test_it_begins_open_and_says_what_to_do():
    panel = Answer("9.2", "Empty rows")
    assert panel.field.description == "Empty rows" and button(panel).description == "Check"
    assert panel.verdict.state == OPEN and "Type your answer" in panel.said.value
    button(panel).click()
    assert panel.verdict.state == OPEN


# Through the field, as pupils type it: the right answer in several ways, and wrong ones with a word of their hints.
TYPED = {
    "1.3": (["0.056", "0,056", "5.6 %", "56/1000", " .056 "], {"5.6": "a share", "56": "a share", "0.1": "equally"}),
    "2.1": (["79400", "79,400", "79 400", "7.94e4"], {"78400": "first layer", "79,510": "bias", "894": "units, not"}),
    "3.1": (["0.003", "3e-3", "3/1000"], {"1": "jumps and does not", "0.0001": "too short", "0": "nothing moves"}),
    "3.2": (["4", "4.0"], {"2": "not by half", "1.41": "root where a square", "16": "more than was asked"}),
    "3.3": (["120"], {"115": "left out the last batch", "117.19": "within each epoch", "24": "one epoch"}),
    "4.1": (["85642", "85,642"], {"85440": "weights alone", "986": "on the lines", "10": "layer by layer"}),
    "4.3": (["BCA", "b, c, a", "B C A"], {"ACB": "even fit", "B A C": "lowest training", "AAB": "each once"}),
    "5.1": (["2.3", "2,30", "2.302585"], {"1": "base 10", "0.1": "probability that it gives", "-2.3": "negative"}),
    "6.1": (
        ["900", "9 x 10^2", "900.0"],
        {"30": "square both", "30²": "one number", "2,500": "one half", "3600": "two standard errors"},
    ),
    "7.1": (
        ["7, 5", "7,5", "(7, 5)", "ends after 7, keeps 5", "7.0, 5.0"],
        {"5, 7": "other order", "7.5": "Two numbers", "6 4": "from 0", "7": "Two numbers", "9, 9": "lowest loss"},
    ),
    "7.3": (
        [
            "rotate: 10, shift: 1", "Rotate = 10; shift = 1", "rotate 10 and shift 1", "rotate：10，shift：1",
            '{"rotate": 10, "shift": 1}',
        ],
        {"l2: 0,1": "underfits", "dropout: 0.5": "no medicine", "patience: 3": "early stopping alone", "l2": "such as"},
    ),
    "8.2": (["0.01", "1 %", "1/100", "0,01", "10^-2"], {"0.99": "all other digits", "1": "percent", "99.5": "sign"}),
    "9.2": (["17", "16.8", "16,8"], {"11": "others", "8.4": "one side", "120": "Shrink"}),
    "10.3": (["96080", "96,080", "96 079"], {"20,000": "one digit", "100000": "twice", "9.6 %": "share"}),
}


@pytest.mark.parametrize("number, typed", [(number, each) for number, (right, _) in TYPED.items() for each in right])
def test_a_right_answer_passes_however_it_is_typed(number, typed):
    panel = answered(number, typed)
    assert panel.verdict.state == RIGHT and "<b>Right.</b>" in panel.said.value


@pytest.mark.parametrize(
    "number, typed, hint", [(number, *each) for number, (_, wrong) in TYPED.items() for each in wrong.items()]
)
def test_a_typical_wrong_answer_gets_its_hint(number, typed, hint):
    panel = answered(number, typed)
    assert panel.verdict.state == WRONG and hint in panel.said.value


@pytest.mark.parametrize("number", TYPED)
@pytest.mark.parametrize("junk", ["<b>", "<b>: 1", "1e400", "1/0", "nan", "...", "{}", "__import__('os')", "7 %%", "∞"])
def test_junk_gets_a_sentence_and_is_shown_as_text(number, junk):
    panel = answered(number, junk)
    assert panel.verdict.state == WRONG and "made an error" not in panel.said.value
    assert "<b>" not in panel.said.value.replace("<b>Not yet.</b>", "")


def test_what_a_hint_repeats_is_escaped():
    assert "no medicine &#x27;&lt;b&gt;&#x27;" in answered("7.3", "<b>: 1").said.value


@pytest.mark.parametrize("number", TYPED)
def test_a_very_long_answer_is_told_so(number):
    panel = answered(number, "9" * 100_000)
    assert panel.verdict.state == OPEN and "100,000 characters" in panel.said.value
    assert len(panel.said.value) < 400


def test_the_button_checks_again_and_an_answer_taken_away_leaves_the_exercise_open():
    panel = answered("9.2", "11")
    told = panel.said.value
    seen = []
    panel.said.observe(lambda change: seen.append(change["new"]), "value")
    button(panel).click()
    assert seen == ["<p>Checking …</p>", told]  # so that the same sentence is read out again
    panel.field.value = " "
    assert panel.verdict.state == OPEN


def test_a_comma_that_could_be_either_is_what_makes_the_answer_right():
    assert answered("5.1", "2,303").verdict.state == RIGHT  # a loss
    assert answered("10.3", "96,080").verdict.state == RIGHT  # letters
    assert "minus the logarithm" in answered("5.1", "7,303").said.value


@pytest.mark.parametrize("typed, number", [
    ("1,000", 1000), ("1.000", 1), ("1,000.5", 1000.5), ("1.000,5", 1000.5), ("1.000.000", 1e6), ("1'000", 1000),
    ("0,850", 0.85), ("12,34", 12.34), ("85 %", 0.85), ("50 percent", 0.5), ("1e-3", 0.001), ("2·10^-2", 0.02),
    ("10**3", 1000), ("−3", -3), ("1/3", 1 / 3), ("10²", None), ("1½", None), ("０．８５", 0.85), ("≈ 5.", 5),
    ("3\u202f000", 3000), ("120 steps", 120), ("120步", 120), ("4x", 4), ("96,080 letters", 96080), ("7 test images", 7),
    ("8 thousand", None), ("8万", None), ("80k", None), ("5 percentage points", None), ("5 and 3", None),
    ("8 thousands", None), ("5 hundredths", None), ("2 billion", None), ("90 pct", None), ("9 in ten", None),
    ("9 tenths", None), ("7 tests", 7), ("12 tensors", 12), ("120 in total", 120), ("120 in all", 120),
    ("5 of them", 5), ("9 of ten", None), ("5 tenthousandths", None), ("2 tens", None), ("5 halfs", None),
    ("4 fifths", None), ("5 mln", None), ("5 permille", None), ("9成", None),
    ("5 elevenths", None), ("3 twelfths", None), ("5 twentieths", None), ("7 sixteenths", None), ("7 months", 7),
    ("", None), ("1,00,000", None), ("1,000,5", None), ("1.2.3", None), ("1 2", None), ("1/2/3", None),
    ("1e400", None), ("--3", None), ("3 or 4", None), ("inf", None), ("2+2", None),
])
def test_numbers_as_people_type_them(typed, number):
    assert number_in(typed) == (number if number is None else pytest.approx(number, rel=1e-12))


def test_names_with_values_as_people_type_them():
    assert named_numbers("L2 = 0,01, dropout rate 0.5; batch_norm: yes,") == {
        "l2": 0.01, "dropout_rate": 0.5, "batch_norm": True
    }
    assert named_numbers("l2: much") == {"l2": "much"}
    assert named_numbers("l2") is None and named_numbers("") is None


def test_it_is_made_anew_in_chinese_with_what_was_typed():
    panel = answered("9.2", "11")
    panel.lab.speak("zh")
    assert panel.field.value == "11" and panel.verdict.state == WRONG
    assert HAN.search(button(panel).description)
    panel.field.value = ""
    assert language.t("Type your answer and press Check.") in panel.said.value
