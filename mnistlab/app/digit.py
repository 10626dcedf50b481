"""The panel for a digit of one's own: a photo becomes MNIST-like, and the network says what it sees."""

from html import escape
from time import perf_counter

import numpy as np

from ..data import DIGITS
from ..images import MAX_BYTES, UnreadableImage, as_inputs, prepare
from ..losses import softmax
from .parts import Panel, picture, text
from .upload import UploadButton

HINT = (
    "<p>Upload one or several photos or drawings of a digit: dark on light or light on dark, any size. "
    "Your photos stay in this session and are kept nowhere.</p>"
)
OTHER_CLASSES = (
    "<p class='mnistlab-small'>This network was trained on clothes and knows nothing else: whatever the digit, its "
    "answer is a piece of clothing. Train on a dataset of digits, and it can read yours.</p>"
)
# Of many files, not every single one needs to be shown at once.
SHOW_EVERY = 0.5


class DigitPanel(Panel):
    """Reads uploaded photos. `lab`: the shared Lab; without one the panel makes its own."""

    def __init__(self, lab=None):
        super().__init__(lab)
        self.upload = UploadButton("Upload a digit", MAX_BYTES, self._on_file, self.lab)
        self.results = text("", "mnistlab-prediction")
        self._outcomes = []
        self._shown_at = 0.0
        self.lab.observe(self.lab.guard(self._on_phase), "phase")
        self.show(text(HINT, "mnistlab-help"), self.upload, self.results)

    def _on_file(self, name, size, content, first, last):
        if first:
            self._outcomes = []
        self._outcomes.append((name, _outcome(name, size, content)))
        if last or perf_counter() - self._shown_at >= SHOW_EVERY:
            self._draw(alarm=' role="alert"')

    def _on_phase(self, change):
        if change["new"] in ("idle", "failed") and self._outcomes:
            self._draw()

    def _draw(self, alarm=""):
        """Every uploaded photo with the present network's answer; again after each run, as the answer changes.

        alarm: what makes a screen reader speak an error; only new ones need that.
        """
        self.results.value = "".join(self._result(name, outcome, alarm) for name, outcome in self._outcomes)
        self._shown_at = perf_counter()

    def _result(self, name, outcome, alarm):
        if isinstance(outcome, str):
            sentence = f'<p class="mnistlab-message mnistlab-alarm"{alarm}>{escape(outcome)}</p>'
            return f'<div class="mnistlab-result">{sentence}</div>'
        yours = picture(outcome.original, f"Your image {name}", 112)
        seen = picture(outcome.pixels, "The same digit in 28 by 28 pixels", 112)
        pictures = (
            f"<figure>{yours}<figcaption>your image</figcaption></figure>"
            f"<figure>{seen}<figcaption>what the network sees</figcaption></figure>"
        )
        network = self.lab.network
        if network is not None and not np.isfinite(network.parameters).all():
            answer = "<p>The last run failed and left no usable network: train again, and the answer appears here.</p>"
        elif network is None:
            answer = "<p>There is no trained network yet: press Train, and the answer appears here.</p>"
        else:
            inputs = as_inputs(outcome.pixels[None])
            class_names = self.lab.run.train_set.class_names
            answer = _bars(softmax(network.forward(inputs))[0], class_names)
            if class_names != DIGITS:
                answer = OTHER_CLASSES + answer
        return f'<div class="mnistlab-result">{pictures}<div class="mnistlab-answer">{answer}</div></div>'


def _outcome(name, size, content):
    """The Prepared picture, or the sentence that says why there is none."""
    if size is None:
        return f"The browser could not read {name}. Choose the file again; if that fails, save a copy and choose that."
    if content is None:
        return (
            f"{name} is {size / 1e6:.1f} MB; files up to {MAX_BYTES // 1_000_000} MB can be read. "
            "Save a smaller copy and choose that."
        )
    try:
        return prepare(content, name)
    except UnreadableImage as error:
        return str(error)


def _bars(probabilities, class_names):
    best = int(probabilities.argmax())
    rows = "".join(
        f'<tr{" class=mnistlab-best" if k == best else ""}><th scope="row">{escape(class_names[k])}</th>'
        f'<td class="mnistlab-bar"><span style="width:{100 * p:.1f}%"></span></td><td>{p:.1%}</td></tr>'
        for k, p in enumerate(probabilities)
    )
    return (
        f"<p class='mnistlab-verdict'>This is <b>{escape(class_names[best])}</b>, "
        f"says the network ({probabilities[best]:.1%}).</p>"
        f"<table><caption>Probability of each class</caption>{rows}</table>"
    )
