"""The panel for a digit of one's own, drawn or uploaded: it becomes MNIST-like, and the network says what it sees."""

from dataclasses import replace
from html import escape
from time import perf_counter

import ipywidgets
import numpy as np

from ..data import DIGITS, class_titles
from ..images import MAX_BYTES, UnreadableImage, as_inputs, prepare
from ..language import t
from ..losses import softmax
from ..novelty import Novelty
from .parts import Opening, Panel, button, help_text, make, picture, row, text
from .sketch import Sketch
from .upload import UploadButton

HINT = (
    "Draw a digit on the sheet, or upload one or several photos: dark on light or light on dark, any size. What you "
    "draw and upload stays in this session and is kept nowhere."
)
OTHER_CLASSES = (
    "This network knows the classes it was trained on and nothing else: whatever the image shows, its answer is one of "
    "them. Train on a dataset of digits, and it can read yours."
)
# The value of "…", since ipywidgets shows nothing at all for None.
UNSAID = -1
NOT_YET = "There is no trained network yet: press Train, and the answer appears here."
# Of many files, not every single one needs to be shown at once.
SHOW_EVERY = 0.5


class DigitPanel(Panel):
    """Reads drawings and photos. `lab`: the shared Lab; without one the panel makes its own."""

    name = "digit"
    _outcomes = ()

    def build(self):
        lab = self.lab
        self.sheet = Sketch()
        self.answer = text(f"<p>{t(NOT_YET)}</p>", "mnistlab-drawn", lab=lab)
        self.upload = UploadButton(t("Upload a digit"), MAX_BYTES, self._on_file, lab)
        self.results = text("", "mnistlab-prediction", lab=lab)
        self.teach = Opening(t("Teach it"), self._make_teach, lab)
        # What was drawn last, and the files uploaded last. When the panel is built again the sheet is empty, and what
        # was said of the photos is in another language: they stay, the steps of their preparation and errors do not.
        photos = [(name, each) for name, each in self._outcomes if not isinstance(each, str)]
        self._drawing, self._drawn_last = None, False
        self._outcomes = [(name, replace(photo, steps=())) for name, photo in photos]
        self._shown_at, self._novelty, self._novelty_of = 0.0, None, None
        self._taught = None  # the pixels that were taught last, and what the network said of them before
        self.sheet.observe(lab.guard(self._on_drawing), "drawing")
        lab.observe(lab.guard(self._on_phase), "phase")
        lab.observe(lab.guard(lambda change: lab.run or self._on_rest()), "tick")  # a reset
        drawn = ipywidgets.Box([self.sheet, self.answer])
        drawn.add_class("mnistlab-drawing")
        self._on_rest()
        self.show(help_text(t(HINT)), drawn, self.upload, self.results, self.teach)

    # What comes in

    def _on_drawing(self, change):
        try:
            self._drawing = prepare(change["new"], sheet=True) if change["new"] else None
        except UnreadableImage:  # a first dot is no digit yet
            self._drawing = None
        if not change["new"] or self._outcomes and not self._drawn_last:
            self._ask_again()
        self._drawn_last = True
        self._draw_drawing()

    def _on_file(self, name, size, content, first, last):
        if first:
            self._outcomes, self._drawn_last = [], False
            self._ask_again()
        self._outcomes.append((name, _outcome(name, size, content)))
        if last or perf_counter() - self._shown_at >= SHOW_EVERY:
            self._draw(alarm=' role="alert"')

    def _on_phase(self, change):
        """The answers are those of the network as it is now."""
        if change["new"] in ("idle", "failed", "paused"):
            self._on_rest()

    def _on_rest(self):
        self._draw_drawing()
        if self._outcomes:
            self._draw()
        self._show_taught()

    # What is shown

    def _draw_drawing(self):
        if self._drawing is None:
            words = t("The answer follows your pen.") if self.lab.network else t(NOT_YET)
            self.answer.value = f"<p>{words}</p>"
        else:
            self.answer.value = _seen(self._drawing) + self._answer(self._drawing.pixels)

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
        image = picture(outcome.original, t("Your image {name}", name=name), 112)
        yours = f"<figure>{image}<figcaption>{t('your image')}</figcaption></figure>"
        answer = self._answer(outcome.pixels)
        if outcome.one_of_many:
            words = t("There is more than one shape on it, and this one was read. Upload a photo of each.")
            answer += f'<p class="mnistlab-message mnistlab-novel">{words}</p>'
        return f'<div class="mnistlab-result">{yours}{_seen(outcome)}<div class="mnistlab-answer">{answer}</div></div>'

    def _answer(self, pixels):
        network = self.lab.network
        if network is None:
            return f"<p>{t(NOT_YET)}</p>"
        if not np.isfinite(network.parameters).all():
            words = t("The last run failed and left no usable network: train again, and the answer appears here.")
            return f"<p>{words}</p>"
        if network.inputs != pixels.size:
            words = t(
                "The network reads images of {inputs} pixels; yours has {pixels}.", inputs=network.inputs,
                pixels=pixels.size,
            )
            return f"<p>{words}</p>"
        names = self.lab.run.train_set.class_names
        answer = _bars(softmax(network.forward(as_inputs(pixels[None])))[0], class_titles(names))
        if names == DIGITS:
            return answer + self._warning(pixels)
        return f"{answer}<p class='mnistlab-small'>{t(OTHER_CLASSES)}</p>"

    def _warning(self, pixels):
        """Whether the image is like those that the network learned from; a network is sure of itself either way."""
        # Without what was taught: one image more shall not change what counts as usual.
        sets = self.lab.known, self.lab.run.validation_set
        if not (self._novelty_of and all(map(_same_images, sets, self._novelty_of))):
            try:
                self._novelty = Novelty(*sets)
            except ValueError:  # too few images to tell what is usual
                self._novelty = None
            self._novelty_of = sets
        if self._novelty is None or not self._novelty.is_novel(pixels):
            return ""
        rate, count = self._novelty.false_alarms, self._novelty.measured_on
        nearest = int(self._novelty.nearest(pixels)[0])
        known = self._novelty_of[0]
        name = class_titles(known.class_names)[int(known.labels_of([nearest])[0])]
        words = t(
            "Not like the training images: however sure the answer, it may mean nothing. (It also says so of "
            "{rate:.1%} of {count:,} validation images, which are digits.)", rate=rate, count=count,
        )
        image = picture(known.image(nearest), t("Training image, labelled {label}", label=name), 84)
        below = t("the most similar training image, labelled {label}", label=escape(name))
        return (
            f"<p class='mnistlab-message mnistlab-novel'>{words}</p>"
            f'<figure class="mnistlab-nearest">{image}<figcaption>{below}</figcaption></figure>'
        )

    # Teach it

    def _make_teach(self):
        lab = self.lab
        self.said = text("", "mnistlab-said", "mnistlab-taught", lab=lab)
        self.right = make(lab, ipywidgets.Dropdown, description=t("It is"), options=self._classes())
        return (
            help_text(t(
                "Say what your last drawing or photo is: the network goes on learning from it, mixed with images it "
                "learned from, so that it does not forget them. Train begins with a fresh network, which knows nothing "
                "of what you taught this one."
            )),
            row(self.right, button(t("Teach"), self._teach, lab)), self.said,
        )

    def _classes(self):
        """What an image can be said to be: the classes that the network knows, or that the next one will.

        First none: who presses Teach without having chosen would teach that every digit is a 0.
        """
        images = self.lab.run.train_set if self.lab.run else self.lab.available
        return [("…", UNSAID), *((name, label) for label, name in enumerate(class_titles(images.class_names)))]

    def _ask_again(self):
        """What the image before was says nothing of another one."""
        if self.teach.is_made:
            self.right.value = UNSAID

    def _teach(self):
        """The last image that could be read, and its right label, become something to learn from."""
        photos = [outcome for _, outcome in self._outcomes if not isinstance(outcome, str)]
        drawings = [self._drawing] if self._drawing else []
        latest_last = photos + drawings if self._drawn_last else drawings + photos
        if not latest_last:
            raise ValueError(t("There is nothing to learn from yet: draw a digit or upload one first."))
        image = latest_last[-1]
        if self.right.value == UNSAID:
            raise ValueError(t("Choose first what it is, beside Teach."))
        network = self.lab.network
        before = self._verdict(image.pixels) if network and network.inputs == image.pixels.size else ""
        self.lab.teach(image.pixels, self.right.value)
        self._taught = image.pixels, before

    def _verdict(self, pixels):
        """What the network says of an image, in short: "3 (80 %)"."""
        probabilities = softmax(self.lab.network.forward(as_inputs(pixels[None])))[0]
        best = int(probabilities.argmax())
        return f"{class_titles(self.lab.run.train_set.class_names)[best]} ({probabilities[best]:.0%})"

    def _show_taught(self):
        """What the teaching has done to the answer, until a fresh network knows nothing of it."""
        if not self.lab.taught:
            self._taught = None
        if self.teach.is_made:
            if list(self.right.options) != (classes := self._classes()):
                self.right.options = classes  # the first of which is chosen then
            self.said.value = ""
            if self._taught:
                before, now = self._taught[1], self._verdict(self._taught[0])
                self.said.value = f"<p>{escape(t('Before: {before}, now: {now}.', before=before, now=now))}</p>"


def _same_images(one, other):
    """Whether two Datasets are of the same images, whatever their labels."""
    return one.images is other.images and np.array_equal(one.indices, other.indices)


def _seen(prepared):
    """Every step of the preparation as an image, the last of them what the network sees."""
    steps = getattr(prepared, "steps", ()) or ((t("what the network sees"), prepared.pixels),)
    figures = "".join(
        f"<figure>{picture(pixels, title, 84)}<figcaption>{escape(title)}</figcaption></figure>"
        for title, pixels in steps
    )
    return f'<div class="mnistlab-steps">{figures}</div>'


def _outcome(name, size, content):
    """The Prepared image, or the sentence that says why there is none."""
    if size is None:
        return t(
            "The browser could not read {name}. Choose the file again; if that fails, save a copy and choose that.",
            name=name,
        )
    if content is None:
        return t(
            "{name} is {size:.1f} MB; files up to {most} MB can be read. Save a smaller copy and choose that.",
            name=name, size=size / 1e6, most=MAX_BYTES // 1_000_000,
        )
    try:
        return prepare(content, name)
    except UnreadableImage as error:
        return str(error)


def _bars(probabilities, class_names):
    second, best = map(int, np.argsort(probabilities)[-2:])
    rows = "".join(
        f'<tr{" class=mnistlab-best" if k == best else ""}><th scope="row">{escape(class_names[k])}</th>'
        f'<td class="mnistlab-bar"><span style="width:{100 * p:.1f}%"></span></td><td>{p:.1%}</td></tr>'
        for k, p in enumerate(probabilities)
    )
    words = t(
        "This is <b>{best}</b>, says the network ({probability:.1%}); if not, {second} ({next:.1%}).",
        best=escape(class_names[best]), probability=probabilities[best], second=escape(class_names[second]),
        next=probabilities[second],
    )
    caption = t("Probability of each class")
    return f"<p class='mnistlab-verdict'>{words}</p><table><caption>{caption}</caption>{rows}</table>"
