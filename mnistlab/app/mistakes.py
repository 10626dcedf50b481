"""The mistakes panel: images with the highest loss, what is taken for what, when to say "I don't know", cleaning."""

import asyncio
import base64
from html import escape
from time import perf_counter
from typing import NamedTuple

import ipywidgets
import numpy as np

from ..cleaning import Changes
from ..data import Dataset, class_titles, title
from ..evaluation import Evaluation, logits_in_chunks
from ..label_errors import MNIST_TEST
from ..language import t
from .last_look import of_unknown_images
from .parts import Opening, Panel, button, help_text, make, picture, row, slider, text
from .source import clean
from .upload import UploadButton

COUNT = 12
# Not None, which a drop-down takes for nothing chosen.
ALL = "all"
# Small runs finish many epochs a second; nobody can look at more than this many pages of images.
SHOW_EVERY = 0.5
# In bytes; every image of MNIST with another label takes less.
MAX_FILE = 5_000_000
SETS = {"validation": "Validation", "training": "Training", "test": "Test"}
# Takes as much room as the images will, so that nothing below moves when they come.
ROOM = '<div class="mnistlab-grid" aria-hidden="true">' + '<div class="mnistlab-empty"></div>' * COUNT + "</div>"
LABEL_ERRORS = (
    "MNIST's own test set has label errors: for fifteen of its images people have agreed that the label is wrong "
    "(labelerrors.com, arXiv 2103.14749). Those among these images are marked."
)
TEST_IS_CLOSED = (
    "Test images are shown here after a look at the test set: at the very end, press “{button}” under the curves. "
    "Whoever looks earlier begins to choose by them."
)
# Sentences that name one of the sets: each language has its own way to weave that in.
WRONG = {
    "validation": "{wrong:,} of {total:,} validation images are read wrongly.",
    "training": "{wrong:,} of {total:,} training images are read wrongly.",
    "test": "{wrong:,} of {total:,} test images are read wrongly.",
}
READ_AS = {
    "validation": "Validation image {number}: read as {prediction}, labelled {actual}",
    "training": "Training image {number}: read as {prediction}, labelled {actual}",
    "test": "Test image {number}: read as {prediction}, labelled {actual}",
    "taught": "Taught image: read as {prediction}, labelled {actual}",
}
WHAT_TO_DO = {
    "validation": "What to do with validation image {number}", "training": "What to do with training image {number}",
}
DOWNLOAD = {
    "validation": "Download the changes to the validation set", "training": "Download the changes to the training set",
}
LOADED_ONE = {
    "validation": "Loaded: 1 change to the validation set.", "training": "Loaded: 1 change to the training set.",
}
LOADED = {
    "validation": "Loaded: {count:,} changes to the validation set.",
    "training": "Loaded: {count:,} changes to the training set.",
}
ANSWERED = {
    "validation":
        "It answers {coverage:.1%} of the {total:,} validation images and gets {accuracy:.1%} of these right.",
    "training": "It answers {coverage:.1%} of the {total:,} training images and gets {accuracy:.1%} of these right.",
    "test": "It answers {coverage:.1%} of the {total:,} test images and gets {accuracy:.1%} of these right.",
}
SILENT = {
    "validation": "It answers 0.0% of the {total:,} validation images so there is nothing to get right.",
    "training": "It answers 0.0% of the {total:,} training images so there is nothing to get right.",
    "test": "It answers 0.0% of the {total:,} test images so there is nothing to get right.",
}


class Drawn(NamedTuple):
    """What the panel shows: an Evaluation, of which set (a key of SETS), its images, and the Run whose network it was.

    It stays until there is something newer to show, while the lab may have another run, or another dataset, by then.
    """

    evaluation: Evaluation
    split: str
    dataset: Dataset
    run: object

    @property
    def names(self):
        """Those of the classes, as the page shows them."""
        return class_titles(self.run.train_set.class_names)


class MistakesPanel(Panel):
    """What the network gets wrong, and what to do about it. `lab`: the shared Lab; without one it makes its own.

    What is decided here is plain data in `lab.changes`, and applies to the next run that is asked to use it.
    """

    name, stays = "mistakes", ("set", "label")

    def build(self):
        lab, sets = self.lab, [(t(SETS[split]), split) for split in SETS]
        self.set = make(lab, ipywidgets.Dropdown, description=t("Images of"), options=sets)
        self.label = make(lab, ipywidgets.Dropdown, description=t("Class"), options=self._classes())
        self.images = text(_empty(), "mnistlab-top-losses", lab=lab)
        self.more_button = button(t("12 more"), self._on_more, lab)
        self.delete_button = button(t("Delete all shown"), self._delete_all, lab)
        self.note = text("", "mnistlab-changes", lab=lab)
        self.again_button = button(t("Train again on the cleaned set"), lambda: lab.start(cleaned=True), lab)
        self.undo_button = button(t("Undo all changes"), self._undo, lab)
        self.sides = text("", "mnistlab-before-after", lab=lab)
        self.matrix = Opening(t("Confusion matrix, precision and recall"), self._make_matrix, lab, self._draw_matrix)
        self.threshold = Opening(t("I don't know"), self._make_threshold, lab, self._draw_threshold)
        self.file = Opening(t("Save or load the changes"), self._make_file, lab, self._show_link)
        # What is drawn, and the last one of another set than validation with the steps its run had made.
        self._shown_at, self._drawn, self._measured, self._steps = 0.0, None, None, 0
        self._page, self._shown = 0, []  # how many twelves were passed over, and the Mistakes that are shown
        self._opened = None  # the cell of the confusion matrix whose images are shown
        lab.observe(lab.guard(self._on_epoch), "epochs_seen")
        lab.observe(lab.guard(self._on_phase), "phase")
        lab.observe(lab.guard(lambda change: self._on_tick()), ["tick", "looks_seen"])
        lab.observe(lab.guard(lambda change: self._on_dataset()), "dataset")
        lab.observe(lab.guard(lambda change: self._show_changes()), "changes_seen")
        lab.browser.on_act("clean", lab.guard(self._on_clean))
        lab.browser.on_act("cell", lab.guard(self._on_cell))
        for choice in (self.set, self.label):
            choice.observe(lab.guard(lambda change: self._on_choice()), "value")
        self._show_changes()
        self.show(
            row(self.set, self.label), self.images, row(self.more_button, self.delete_button),
            row(self.again_button, self.undo_button), self.note, self.sides, self.matrix, self.threshold, self.file,
        )
        self._show()
        self._show_sides()

    # When to draw

    def _on_epoch(self, change):
        if self.set.value == "validation" and perf_counter() - self._shown_at >= SHOW_EVERY:
            self._show()

    def _on_phase(self, change):
        self._offer_classes()
        if change["new"] in ("idle", "failed", "paused"):
            self._show()
            self._show_sides()
        elif change["new"] == "running" and self.set.value != "validation":  # those are shown anew after each epoch
            self._show()
        self._show_changes()

    def _on_tick(self):
        """After a reset, and after a look at the test set, which opens its images."""
        if self.lab.run is None:
            self._offer_classes()
            self._show()
            self._show_sides()
            self._show_changes()
        elif self.set.value == "test" and self._drawn is None:
            self._show()

    def _on_dataset(self):
        self._offer_classes()
        self._show()
        self._show_sides()

    def _offer_classes(self):
        """To choose from are the classes of the images that are shown: those of the run, if there is one."""
        if list(self.label.options) != self._classes():
            self.label.options = self._classes()
            self.label.value = ALL

    def _classes(self):
        images = self.lab.run.train_set if self.lab.run else self.lab.available
        return [(t("all"), ALL), *((name, label) for label, name in enumerate(class_titles(images.class_names)))]

    def _dataset(self):
        run = self.lab.run
        return {"validation": run.validation_set, "training": run.train_set, "test": self.lab.test_set}[self.set.value]

    def _show(self):
        """All that is open, of the chosen set by the network as it is now, or as it was when it last came to rest."""
        lab, run, split = self.lab, self.lab.run, self.set.value
        if run is None:
            self._draw_nothing(_empty())
        elif split == "test" and lab.learned_other:
            words = t(
                "The network has learned {dataset}, and the dataset is another one now: choose that dataset again, or "
                "train, to see test images here.", dataset=title(lab.learned_other),
            )
            self._draw_nothing(f"<p>{escape(words)}</p>")
        elif split == "test" and not lab.origin["dataset"]:
            self._draw_nothing(f"<p>{of_unknown_images()}</p>")
        elif split == "test" and not lab.test_looks.get(lab.dataset):
            self._draw_nothing(f"<p>{t(TEST_IS_CLOSED, button=t('Evaluate once on the test set'))}</p>")
        elif split != "validation" and lab.phase in ("running", "stopping"):
            if self._drawn and (self._drawn.run, self._drawn.split) == (run, split):
                self._draw(self._drawn)
            else:
                words = t("These images are measured when the run is over or paused.")
                self._draw_nothing(f"<p>{escape(words)}</p>{ROOM}")
        elif run.evaluation is None:
            self._draw_nothing(_empty())
        elif split == "validation":
            self._draw(Drawn(run.evaluation, split, run.validation_set, run))
        elif self._measured and self._is_now(self._measured, self._steps):
            self._draw(self._measured)
        else:
            lab.start_task(self._evaluate(run, split, self._dataset()))

    def _is_now(self, measured, steps):
        """Whether this is what is to be shown: meanwhile there may be another run, or other images."""
        run, split = self.lab.run, self.set.value
        wanted = run and (run, split, self._dataset(), len(run.history.step_losses))
        return wanted == (measured.run, measured.split, measured.dataset, steps)

    def _draw_nothing(self, html):
        self.images.value, self._drawn, self._opened, self._measured = html, None, None, None
        self._draw_parts()
        self._enable()

    def _draw_parts(self):
        if self.matrix.is_open:
            self._draw_matrix()
        if self.threshold.is_open:
            self._draw_threshold()

    async def _evaluate(self, run, split, dataset):
        """Let the network look at another set, in slices, so that the page can be used meanwhile."""
        steps, logits = len(run.history.step_losses), np.empty((len(dataset), run.network.outputs), np.float32)
        for _ in logits_in_chunks(run.network, dataset, logits):
            await asyncio.sleep(0)
        measured = Drawn(Evaluation(logits, dataset.labels_of(), run.loss.name), split, dataset, run)
        if self._is_now(measured, steps):
            self._measured, self._steps = measured, steps
            self._draw(measured)

    def _draw(self, drawn):
        if self._drawn is None or self._drawn.run is not drawn.run:
            self._page = 0
        self._drawn, evaluation = drawn, drawn.evaluation
        self._shown_at = perf_counter()
        label = None if self.label.value == ALL else self.label.value
        if self._page * COUNT >= (len(evaluation.labels) if label is None else (evaluation.labels == label).sum()):
            self._page = 0
        mistakes = evaluation.top_losses((self._page + 1) * COUNT, label)[self._page * COUNT :]
        self._shown = mistakes
        wrong = int((evaluation.predictions != evaluation.labels).sum())
        said = [t(WRONG[drawn.split], wrong=wrong, total=len(evaluation.labels)), self._which()]
        if label is not None:
            said.append(t("Only those with the label {label} are shown.", label=drawn.names[label]))
        if drawn.split == "test" and self.lab.dataset == "mnist":
            said.append(t(LABEL_ERRORS))
        if not self.lab.origin["dataset"]:
            said.append(t("The network's file does not say what it learned from: it may know some of these images."))
        if self.lab.learned_other:
            said.append(t(
                "They are of {dataset}, which the network has learned; another dataset is in use now, so nothing can "
                "be changed here.", dataset=title(self.lab.learned_other),
            ))
        self.images.value = f"<p>{escape(t(' ').join(said))}</p>{self._grid(mistakes)}"
        self._draw_parts()
        self._enable()

    def _which(self):
        if not self._page:
            return t(
                "These have the highest loss; “sure” is the probability that the network gives to its own answer."
            )
        first = self._page * COUNT + 1
        return t(
            "These are numbers {first} to {last} by loss; “sure” is the probability that the network gives to its own "
            "answer.", first=first, last=first + len(self._shown) - 1,
        )

    def _on_more(self):
        """The next twelve; after the last ones the first again."""
        if self._drawn is not None:
            self._page += 1
            self._draw(self._drawn)

    def _on_choice(self):
        self._page = 0
        self._show()

    def _enable(self):
        self.more_button.disabled = self._drawn is None
        self.delete_button.disabled = self._drawn is None or not self._can_clean()

    # The images

    def _grid(self, mistakes):
        # What is chosen under an image is known to the browser first: the number makes it show what is said here.
        figures = "".join(map(self._figure, mistakes))
        return f'<div class="mnistlab-grid" data-changes="{self.lab.changes_seen}">{figures}</div>'

    def _figure(self, mistake):
        _, split, dataset, _ = self._drawn
        names = self._drawn.names
        prediction, actual = names[mistake.prediction], names[mistake.actual]
        number = int(dataset.indices[mistake.index])
        taught = self._is_taught(number)
        kind = "taught" if taught else split
        words = t(READ_AS[kind], number=number, prediction=prediction, actual=actual)
        right = " mnistlab-right" if mistake.prediction == mistake.actual else ""
        known = MNIST_TEST.get(number) if (split, self.lab.dataset) == ("test", "mnist") else None
        pair = dict(prediction=escape(prediction), actual=escape(actual))
        lines = [
            t("read as <b>{prediction}</b>, labelled&nbsp;{actual}", **pair),
            t("loss {loss:.2f}", loss=mistake.loss), t("{probability:.0%} sure", probability=mistake.probability),
            *([t("a known label error")] if known else ()),
        ]
        return (
            f'<figure class="mnistlab-figure{right}">{picture(dataset.image(mistake.index), words, 84)}<figcaption>'
            f"{'<br>'.join(lines)}</figcaption>{'' if taught else self._choice(number, names)}</figure>"
        )

    def _can_clean(self):
        """The test set stays as it is, and so does a dataset that is not in use."""
        lab = self.lab
        return self._drawn.split != "test" and lab.phase not in ("running", "stopping") and not lab.learned_other

    def _choice(self, number, names):
        """What is to be done with an image: keep it, delete it, give it another label. The test set stays as it is."""
        if not self._can_clean():
            return ""
        labels, split = self._decided(), self._drawn.split
        chosen = "keep" if number not in labels else "delete" if labels[number] is None else str(labels[number])
        new = ((str(k), t("label {name}", name=name)) for k, name in enumerate(names))
        options = [("keep", t("Keep")), ("delete", t("Delete")), *new]
        items = "".join(
            f'<option value="{value}"{" selected" if value == chosen else ""}>{escape(word)}</option>'
            for value, word in options
        )
        return (
            f'<select data-act="clean" data-value="{split} {number}" '
            f'aria-label="{t(WHAT_TO_DO[split], number=number)}">{items}</select>'
        )

    # Cleaning

    def _on_clean(self, value, choice):
        if self.lab.learned_other:  # the page has not yet heard of it
            return
        split, number = value.split()
        self._decide(split, [int(number)], choice)

    def _delete_all(self):
        """What was taught is in no dataset, so there is nothing of it to delete."""
        if self._drawn is None or not self._can_clean():
            return
        numbers = [int(self._drawn.dataset.indices[mistake.index]) for mistake in self._shown]
        self._decide(self._drawn.split, [number for number in numbers if not self._is_taught(number)], "delete")
        self._draw(self._drawn)

    def _decide(self, split, numbers, choice):
        """Note what is to be done with these images of a set: "keep", "delete", or the right label as text.

        What was said of them before is forgotten, also where another seed had them in the other set then.
        """
        for each in self.lab.changes.values():
            for number in numbers:
                each = each.keep(number)
                if each.split == split and choice != "keep":
                    each = each.delete(number) if choice == "delete" else each.relabel(number, int(choice))
            self.lab.put_changes(each)

    def _decided(self):
        """What is to be done with images, whichever set they are in: {number: right label, or None to delete it}."""
        return {**self.lab.changes["training"].labels, **self.lab.changes["validation"].labels}

    def _is_taught(self, number):
        return self._drawn.split == "training" and number >= len(self.lab.known.images)

    def _undo(self):
        self.lab.forget_changes()
        self._show()

    def _show_changes(self):
        changes = self.lab.changes.values()
        deleted, relabelled = (sum(len(getattr(each, kind)) for each in changes) for kind in ("deleted", "relabelled"))
        if deleted or relabelled:
            sentence = t(
                "To be changed: {deleted} deleted, {relabelled} with a new label. No file is ever changed.",
                deleted=deleted, relabelled=relabelled,
            )
            if self.lab.run and self.lab.origin["changes"] == [each.to_json() for each in changes]:
                sentence = t(" ").join([sentence, t("The network has learned from the set so changed.")])
        else:
            sentence = t(
                "Choose Delete or a new label under an image whose label is wrong, then train again without it."
            )
        self.note.value = f"<p>{f'{sentence} {self._noise_left()}'.strip()}</p>"
        busy = self.lab.phase in ("running", "stopping")
        self.again_button.disabled = busy or not (deleted or relabelled)
        self.undo_button.disabled = not (deleted or relabelled)
        self._enable()
        if self.file.is_open:
            self._show_link()

    def _noise_left(self):
        """With label noise it is known which labels are wrong: how many of them the changes have found."""
        noise, labels = self.lab.noise(), self._decided()
        if not noise:
            return ""
        gone = sum(image in labels and labels[image] in (None, right) for image, right in noise.items())
        if len(noise) == 1:
            return t("The label that noise changed is gone." if gone else "The label that noise changed is not gone.")
        return t(
            "Of the {count:,} labels that noise changed, {gone} is gone." if gone == 1
            else "Of the {count:,} labels that noise changed, {gone} are gone.", count=len(noise), gone=gone,
        )

    def _show_sides(self):
        """Before and after cleaning, both measured on the validation set as it was and as it is now."""
        lab, run = self.lab, self.lab.run
        if not (lab.phase == "idle" and run and run.evaluation and lab.record.cleaned and lab.before is not None):
            self.sides.value = ""
            return
        original, cleaned = lab.validation_set, clean(lab.validation_set, lab.changes)
        logits = np.empty((len(original), run.network.outputs), np.float32)
        for _ in logits_in_chunks(run.network, original, logits):
            pass
        kept = np.isin(original.indices, cleaned.indices)
        lines = ""
        for words, outputs in ((t("Before cleaning"), lab.before), (t("After cleaning"), logits)):
            figures = []
            for rows, dataset in ((slice(None), original), (kept, cleaned)):
                evaluation = Evaluation(outputs[rows], dataset.labels_of(), run.loss.name)
                figures.append(f"<td>{evaluation.accuracy:.2%}</td><td>{evaluation.loss:.3f}</td>")
            lines += f'<tr><th scope="row">{words}</th>{"".join(figures)}</tr>'
        caption = _compared(lab.before_was, lab.peculiar, lab.before_settings == lab.record.settings)
        sets = (t("validation set as it was"), t("validation set cleaned"))
        heads = "".join(f'<th colspan="2" scope="colgroup">{words}</th>' for words in sets)
        measures = "".join(f'<th scope="col">{words}</th>' for words in 2 * (t("accuracy"), t("loss")))
        self.sides.value = (
            f"<table><caption>{caption}</caption><tr><td></td>{heads}</tr><tr><td></td>{measures}</tr>{lines}</table>"
        )

    def _make_file(self):
        self.link = text("", "mnistlab-link")
        self.load = UploadButton(
            t("Load changes"), MAX_FILE, self._on_load, self.lab, images=False, accept=".json,application/json"
        )
        about = help_text(t("The changes are a small text file: which images go, and which labels are new."))
        return about, self.link, self.load

    def _show_link(self):
        links = ""
        for split, changes in self.lab.changes.items():
            if len(changes):
                content = base64.b64encode(changes.to_json().encode()).decode()
                links += (
                    f'<a download="{escape(self.lab.dataset)}-{split}-changes.json" '
                    f'href="data:application/json;base64,{content}">{t(DOWNLOAD[split])}</a> '
                )
        self.link.value = f"<p>{links or t('There are no changes to download yet.')}</p>"

    def _on_load(self, name, size, content, first, last):
        if content is None:
            raise ValueError(t("{name} cannot be read, or is too large to be a file of changes.", name=name))
        loaded = Changes.from_json(content.decode("utf-8", "replace"), self.lab.dataset, self.lab.available)
        for changes in self.lab.changes.values():
            for number in loaded.labels:
                changes = changes.keep(number)  # as in `_decide`: the newest word on an image is the only one
            self.lab.put_changes(changes.merge(loaded) if changes.split == loaded.split else changes)
        one, split = len(loaded) == 1, loaded.split
        self.lab.message = t(LOADED_ONE[split] if one else LOADED[split], count=len(loaded))
        self._show()

    # Confusion matrix, precision and recall

    def _make_matrix(self):
        self.table, self.cell = text("", "mnistlab-matrix"), text("", "mnistlab-cell")
        about = help_text(t("Rows are labels, columns what the network says. A cell opens its images."))
        return about, self.table, self.cell

    def _draw_matrix(self):
        if self._drawn is None:
            self.table.value = f"<p>{t('There is nothing to show yet.')}</p>"
            self.cell.value = ""
            return
        names, evaluation = self._drawn.names, self._drawn.evaluation
        matrix = evaluation.confusion_matrix
        off = matrix - np.diag(matrix.diagonal())
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
        lines = []
        for actual, name in enumerate(names):
            cells = "".join(self._cell(actual, k, count, off.max(), names) for k, count in enumerate(matrix[actual]))
            lines.append(
                f'<tr><th scope="row">{escape(name)}</th>{cells}<td>{_share(evaluation.precision[actual])}</td>'
                f"<td>{_share(evaluation.recall[actual])}</td></tr>"
            )
        self.table.value = (
            # In the table the caption would scroll with it; the frame can be scrolled by keyboard.
            f'<p class="mnistlab-small">{t("Label by row, prediction by column")}</p>'
            f'<div class="mnistlab-wide" role="region" aria-label="{t("Confusion matrix")}" tabindex="0"><table>'
            f'<tr><td></td>{head}<th scope="col">{t("precision")}</th><th scope="col">{t("recall")}</th></tr>'
            f'{"".join(lines)}</table></div>'
        )
        if self._opened and max(self._opened) < len(names):
            self._show_cell()
        else:
            self.cell.value = ""

    def _cell(self, actual, prediction, count, most, names):
        if not count:
            return "<td>·</td>"
        # Mistakes by their share of the most frequent one; what is right needs no colour.
        tint = 0 if actual == prediction else 0.15 + 0.6 * count / max(most, 1)
        words = t(
            "{count:,} image of {actual} read as {prediction}" if count == 1
            else "{count:,} images of {actual} read as {prediction}",
            count=count, actual=names[actual], prediction=names[prediction],
        )
        return (
            f'<td style="background:rgba(213,94,0,{tint:.2f})"><button type="button" data-act="cell" '
            f'data-value="{actual} {prediction}" aria-label="{escape(words)}">{count}</button></td>'
        )

    def _on_cell(self, value, choice):
        if self._drawn is None:  # a reset came first
            return
        self._opened = tuple(map(int, value.split()))
        self._show_cell()

    def _show_cell(self):
        actual, prediction = self._opened
        evaluation, names = self._drawn.evaluation, self._drawn.names
        rows = evaluation.confused(actual, prediction)
        shown = evaluation.mistakes(rows[:COUNT])
        pair = dict(actual=names[actual], prediction=names[prediction])
        if len(rows) == 0:
            sentence = t("{actual} read as {prediction}: no image any more.", **pair)
        else:
            sentence = t(
                "{actual} read as {prediction}: {count:,} image, highest loss first." if len(rows) == 1
                else "{actual} read as {prediction}: {count:,} images, highest loss first.", count=len(rows), **pair,
            )
        self.cell.value = f"<p>{escape(sentence)}</p>{self._grid(shown)}"

    # I don't know

    def _make_threshold(self):
        self.slider = slider(
            self.lab, ipywidgets.FloatSlider, description=t("Confidence threshold"), min=0.0, max=0.99, step=0.01,
            value=0.9, continuous_update=False,
        )
        self.slider.observe(self.lab.guard(lambda change: self._draw_threshold()), "value")
        self.answered = text("", "mnistlab-answered")
        controls = ipywidgets.Box([self.slider])
        controls.add_class("mnistlab-controls")
        controls.add_class("mnistlab-threshold")
        return (
            help_text(t("Below this probability the network may say “I don't know” instead of guessing.")), controls,
            self.answered,
        )

    def _draw_threshold(self):
        if self._drawn is None:
            self.answered.value = f"<p>{t('There is nothing to measure yet.')}</p>"
            return
        evaluation, split = self._drawn.evaluation, self._drawn.split
        coverage, accuracy = evaluation.answered(self.slider.value)
        total = len(evaluation.labels)
        if coverage:
            answers = t(ANSWERED[split], coverage=coverage, total=total, accuracy=accuracy)
        else:
            answers = t(SILENT[split], total=total)
        everything = t("Without a threshold it gets {accuracy:.1%} of all right.", accuracy=evaluation.accuracy)
        self.answered.value = f"<p>{answers} {everything}</p>"


def _empty():
    return f"<p>{t('After the first epoch the twelve images with the highest loss appear here.')}</p>{ROOM}"


def _compared(before, after, same_settings):
    """The title of the table of before and after: whether the cleaning is all that is not the same."""
    odd = []
    if before:
        odd.append(t("before cleaning it was {what}", what=before))
    if after:
        odd.append(t("after cleaning it was {what}", what=after))
    if not same_settings:
        odd.append(t("the settings are not the same"))
    if not odd:
        return t("The same training, before and after cleaning")
    return t("Before and after cleaning, but not the same training: {differences}", differences=t("; ").join(odd))


def _share(value):
    return "–" if np.isnan(value) else f"{value:.1%}"
