"""The test set, a part of the curves panel: one button, and a count that says what each look costs."""

import asyncio
from html import escape

import numpy as np

from .. import data
from ..evaluation import Evaluation, logits_in_chunks
from ..language import t
from .parts import button, row, text


def of_unknown_images():
    """Why a network whose file does not say what it has learned from gets no figure on a test set."""
    return t(
        "The file of this network does not say which images it has learned from. The test images may be among them, "
        "and then no figure would be an honest one. Train a network here, and look with that."
    )


class LastLook:
    """A button that measures the network on the test set, and what it says. `widgets`: what to show."""

    def __init__(self, lab):
        self.lab, self._looking, self._result = lab, False, ""
        self._measured = None  # the dataset whose figure the result is
        self.button = button(t("Evaluate once on the test set"), self._look, lab)
        self.note = text("", "mnistlab-said", "mnistlab-last-look", lab=lab)
        lab.observe(lab.guard(lambda change: self._show()), ["phase", "dataset", "tick"])
        self._show()
        self.widgets = (row(self.button, self.note),)

    def _show(self):
        """Whether the button works follows from the lab; a tick may be a reset."""
        lab = self.lab
        title, other, unknown = data.title(lab.dataset), lab.learned_other, lab.run and not lab.origin["dataset"]
        self.button.disabled = bool(lab.phase != "idle" or lab.run is None or other or unknown or self._looking)
        here = self._measured == lab.dataset
        words = _why(lab.test_looks.get(lab.dataset, 0), here, title, len(lab.test_set))
        if other:
            words = t("The network has learned {learned}, and the dataset is {title} now. {words}",
                      learned=other, title=title, words=words)
        elif unknown:
            words = of_unknown_images()
        words = f"<p>{escape(words)}</p>"
        if self._result:
            words = f"<p><b>{escape(self._result)}</b></p>{words}"
        if self.note.value != words:
            self.note.value = words

    def _look(self):
        if self.button.disabled:  # the second half of a double click
            return
        self._looking = True
        self._show()
        self.lab.start_task(self._evaluate(self.lab.run))

    async def _evaluate(self, run):
        """A slice at a time, so that the page can be used meanwhile; counted when it is seen."""
        lab, dataset, test_set = self.lab, self.lab.dataset, self.lab.test_set
        try:
            name = lab.record.title
            logits = np.empty((len(test_set), run.network.outputs), np.float32)
            for _ in logits_in_chunks(run.network, test_set, logits):
                await asyncio.sleep(0)
                if lab.run is not run or lab.phase != "idle":
                    self._measured = None
                    self._result = (
                        t("A run began meanwhile: nothing was measured, and it does not count.") if lab.run
                        else t("The network was reset meanwhile: nothing was measured, and it does not count.")
                    )
                    return
            evaluation = Evaluation(logits, test_set.labels_of(), run.loss.name)
            lab.count_look(dataset)
            self._measured = dataset
            self._result = t("{name}: test accuracy {accuracy:.1%}, loss {loss:.3f}.",
                             name=name, accuracy=evaluation.accuracy, loss=evaluation.loss)
        finally:
            self._looking = False
            self._show()


def _why(looks, here, title, images):
    """How often the test set was looked at, and why that matters. here: whether the figure stands beside this."""
    if looks == 0:
        return t(
            "Not looked at yet: the {images:,} test images of {title}. Look once, at the very end. The validation set "
            "has helped you to choose; these images have helped nobody, so their figure is the honest one.",
            images=images, title=title,
        )
    if looks == 1:
        return t(
            "Looked at once: this figure is an honest one. Change something because of it and look again, and the next "
            "one is worth less: then the test set has helped to choose, as the validation set has." if here
            else "Looked at once before: that figure was an honest one. Change something because of it and look again, "
            "and the next one is worth less: then the test set has helped to choose, as the validation set has."
        )
    return t(
        "Looked at {looks} times. Each look is worth less than the one before: the best of {looks} figures is partly "
        "luck, and new digits will not bring that luck along.", looks=looks,
    )
