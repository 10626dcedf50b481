"""The panel for a digit of one's own: a picture becomes MNIST-like, and the network says what it sees."""

from html import escape

import ipywidgets
import numpy as np

from ..images import UnreadableImage, as_inputs, prepare
from ..losses import softmax
from .parts import Panel, picture, text

HINT = (
    "<p>Upload one or several photos or drawings of a digit: dark on light or light on dark, any size. "
    "Your pictures stay in this session and are kept nowhere.</p>"
)


class DigitPanel(Panel):
    """Reads uploaded pictures. `lab`: the shared Lab; without one the panel makes its own."""

    def __init__(self, lab=None):
        super().__init__(lab)
        self.upload = ipywidgets.FileUpload(description="Upload a digit", accept="image/*", multiple=True)
        self.upload.add_class("mnistlab-plain")
        self.results = text("", "mnistlab-prediction")
        self._pictures = []
        lab = self.lab
        self.upload.observe(lab.guard(self._on_upload), "value")
        lab.observe(lab.guard(lambda change: self._draw()), "phase")
        self.show(text(HINT, "mnistlab-help"), self.upload, self.results)

    def _on_upload(self, change):
        files = [(file["name"], bytes(file["content"])) for file in self.upload.value]
        if not files:
            return
        self.upload.value = ()  # so that the same file can be chosen again
        self._pictures = [(name, _prepared(name, content)) for name, content in files]
        wrong = [why for _, why in self._pictures if isinstance(why, str)]
        if wrong:
            self.lab.message = wrong[0]
        self._draw()

    def _draw(self):
        """Every uploaded picture with the present network's answer; again after each run, as the answer changes."""
        if self._pictures:
            self.results.value = "".join(self._result(name, outcome) for name, outcome in self._pictures)

    def _result(self, name, outcome):
        if isinstance(outcome, str):
            return f'<div class="mnistlab-result"><p class="mnistlab-message mnistlab-alarm">{escape(outcome)}</p></div>'
        pictures = (
            f"<figure>{picture(outcome.original, f'The uploaded picture {name}', 112)}<figcaption>your picture</figcaption></figure>"
            f"<figure>{picture(outcome.pixels, 'The same digit in 28 by 28 pixels', 112)}"
            "<figcaption>what the network sees</figcaption></figure>"
        )
        network = self.lab.network
        if network is not None and not np.isfinite(network.parameters).all():
            answer = "<p>The last run failed and left no usable network: train again, and the answer appears here.</p>"
        elif network is None:
            answer = "<p>There is no trained network yet: press Train, and the answer appears here.</p>"
        else:
            inputs = as_inputs(outcome.pixels[None])
            answer = _bars(softmax(network.forward(inputs))[0], self.lab.run.train_set.class_names)
        return f'<div class="mnistlab-result">{pictures}<div class="mnistlab-answer">{answer}</div></div>'


def _prepared(name, content):
    """The Prepared picture, or the sentence that says why there is none."""
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
