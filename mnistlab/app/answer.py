"""A field for the answer to an exercise: what a reader of the page uses where no cell can be edited."""

import re

import ipywidgets

from ..language import t
from ..lessons import OPEN, RIGHT, WRONG, Verdict, check
from .keeper import watch
from .parts import Panel, button, make, row, text

LONGEST = 200  # characters
# A thousand and something in England, one and something in France.
TWO_WAYS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


class Answer(Panel):
    """A text field for the answer to one exercise, with the Verdict on it below.

    number: of the exercise, such as "3.2"; label: what the field is called; lab: as for every panel. What is typed is
    checked as text, when Enter or the button is pressed and when the field is left; `verdict` is the last Verdict.
    """

    name, stays = "answer", ("field",)

    def __init__(self, number, label, lab=None):
        self._number, self._label = number, label
        super().__init__(lab)
        watch()

    def build(self):
        self.field = make(self.lab, ipywidgets.Text, description=self._label, continuous_update=False)
        self.field.observe(self.lab.guard(lambda change: self._check()), "value")
        self.said = text("", "mnistlab-said", lab=self.lab)
        self.show(row(self.field, button(t("Check"), self._check, self.lab)), self.said)
        self._check()

    def _check(self):
        typed = self.field.value.strip()
        self.said.value = f"<p>{t('Checking …')}</p>"  # also where the same sentence follows: something was done
        self.verdict = self._judged(typed)
        self.said.value = self.verdict.paragraph

    def _judged(self, typed):
        if not typed:
            return Verdict(OPEN, t("Type your answer and press Check."))
        if len(typed) > LONGEST:
            return Verdict(OPEN, t("Your answer has {count:,} characters; {most} are the most.",
                                   count=len(typed), most=LONGEST))
        verdict = check(self._number, typed)
        if verdict.state == WRONG and TWO_WAYS.fullmatch(typed):
            decimal = check(self._number, typed.replace(",", "."))
            return decimal if decimal.state == RIGHT else verdict
        return verdict
