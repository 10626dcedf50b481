"""The mistakes panel: images with the highest loss, what is taken for what, when to say "I don't know", cleaning."""

import asyncio
import base64
from html import escape
from time import perf_counter

import ipywidgets
import numpy as np

from ..cleaning import Changes
from ..evaluation import Evaluation, logits_in_chunks
from ..label_errors import MNIST_TEST
from .parts import Opening, Panel, button, help_text, make, number, picture, row, text
from .upload import UploadButton

COUNT = 12
# Not None, which a drop-down takes for nothing chosen.
ALL = "all"
# Small runs finish many epochs a second; nobody can look at more than this many pages of images.
SHOW_EVERY = 0.5
# In bytes; every image of MNIST with another label takes less.
MAX_FILE = 5_000_000
SETS = (("Validation", "validation"), ("Training", "training"), ("Test", "test"))
# Takes as much room as the images will, so that nothing below moves when they come.
EMPTY = (
    "<p>After the first epoch the twelve images with the highest loss appear here.</p>"
    + '<div class="mnistlab-grid" aria-hidden="true">'
    + '<div class="mnistlab-empty"></div>' * COUNT + "</div>"
)
LABEL_ERRORS = (
    "MNIST's own test set has label errors: for fifteen of its images people have agreed that the label is wrong "
    "(labelerrors.com, arXiv 2103.14749). Those among these images are marked."
)


TEST_IS_CLOSED = (
    "<p>Test images are shown here after a look at the test set: at the very end, press “Evaluate once on the test "
    "set” under the curves. Whoever looks earlier begins to choose by them.</p>"
)


class MistakesPanel(Panel):
    """What the network gets wrong, and what to do about it. `lab`: the shared Lab; without one it makes its own.

    What is decided here is plain data in `lab.changes`, and applies to the next run that is asked to use it.
    """

    name = "mistakes"

    def build(self):
        lab = self.lab
        self.set = make(lab, ipywidgets.Dropdown, description="Images of", options=SETS)
        self.label = make(lab, ipywidgets.Dropdown, description="Class", options=self._classes())
        self.images = text(EMPTY, "mnistlab-top-losses", lab=lab)
        self.more_button = button("12 more", self._on_more, lab)
        self.delete_button = button("Delete all shown", self._delete_all, lab)
        self.note = text("", "mnistlab-changes", lab=lab)
        self.again_button = button("Train again on the cleaned set", lambda: lab.start(cleaned=True), lab)
        self.undo_button = button("Undo all changes", self._undo, lab)
        self.sides = text("", "mnistlab-before-after", lab=lab)
        self.matrix = Opening("Confusion matrix, precision and recall", self._make_matrix, lab)
        self.threshold = Opening("I don't know", self._make_threshold, lab)
        self.file = Opening("Save or load the changes", self._make_file, lab)
        # What is drawn, and the last evaluation of another set than validation with what it is of.
        self._shown_at, self._drawn, self._evaluation, self._of = 0.0, None, None, None
        self._page, self._shown = 0, []  # how many twelves were passed over, and the Mistakes that are shown
        self._opened = None  # the cell of the confusion matrix whose images are shown
        lab.observe(lab.guard(self._on_epoch), "epochs_seen")
        lab.observe(lab.guard(self._on_phase), "phase")
        lab.observe(lab.guard(lambda change: self._on_tick()), "tick")
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

    # When to draw

    def _on_epoch(self, change):
        if self.set.value == "validation" and perf_counter() - self._shown_at >= SHOW_EVERY:
            self._show()

    def _on_phase(self, change):
        if change["new"] in ("idle", "failed", "paused"):
            self._show()
            self._show_sides()
        elif change["new"] == "running":
            self._page = 0
            self._offer_classes()
        self._show_changes()

    def _on_tick(self):
        """After a reset, and after a look at the test set, which opens its images."""
        if self.lab.run is None:
            self._page = 0
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
        return [("all", ALL), *((name, label) for label, name in enumerate(images.class_names))]

    def _dataset(self):
        run = self.lab.run
        return {"validation": run.validation_set, "training": run.train_set, "test": self.lab.test_set}[self.set.value]

    def _show(self):
        """All that is open, from the evaluation of the chosen set by the network as it is now."""
        lab, run = self.lab, self.lab.run
        if run is None or run.evaluation is None:
            self._draw_nothing(EMPTY)
        elif self.set.value == "test" and lab.learned_other:
            self._draw_nothing(
                f"<p>The network has learned {escape(lab.learned_other)}, and the dataset is another one now: choose "
                "that dataset again, or train, to see test images here.</p>"
            )
        elif self.set.value == "test" and not lab.test_looks.get(lab.dataset):
            self._draw_nothing(TEST_IS_CLOSED)
        elif self.set.value == "validation":
            self._draw(run.evaluation)
        elif lab.phase not in ("running", "stopping"):
            of = (run, self.set.value, len(run.history.step_losses))
            if of == self._of:
                self._draw(self._evaluation)
            else:
                lab.start_task(self._evaluate(of))

    def _draw_nothing(self, html):
        self.images.value, self._drawn, self._opened, self._of = html, None, None, None
        self._draw_parts()
        self._enable()

    def _draw_parts(self):
        if self.matrix.is_open:
            self._draw_matrix()
        if self.threshold.is_open:
            self._draw_threshold()

    async def _evaluate(self, of):
        """Let the network look at another set, in slices, so that the page can be used meanwhile."""
        run, dataset = of[0], self._dataset()
        logits = np.empty((len(dataset), run.network.outputs), run.network.dtype)
        for _ in logits_in_chunks(run.network, dataset, logits):
            await asyncio.sleep(0)
        self._evaluation, self._of = Evaluation(logits, dataset.labels_of(), run.loss.name), of
        if of == (self.lab.run, self.set.value, len(run.history.step_losses)):
            self._draw(self._evaluation)

    def _draw(self, evaluation):
        self._drawn = evaluation
        self._shown_at = perf_counter()
        label = None if self.label.value == ALL else self.label.value
        if self._page * COUNT >= (len(evaluation.labels) if label is None else (evaluation.labels == label).sum()):
            self._page = 0
        mistakes = evaluation.top_losses((self._page + 1) * COUNT, label)[self._page * COUNT :]
        self._shown = mistakes
        wrong = int((evaluation.predictions != evaluation.labels).sum())
        sentence = (
            f"{wrong:,} of {len(evaluation.labels):,} {self.set.value} images are read wrongly. {self._which()}; "
            "“sure” is the probability that the network gives to its own answer."
        )
        if self.set.value == "test" and self.lab.dataset == "mnist":
            sentence += " " + LABEL_ERRORS
        if self.lab.learned_other:
            sentence += (
                f" They are of {self.lab.learned_other}, which the network has learned; another dataset is in use now, "
                "so nothing can be changed here."
            )
        self.images.value = f"<p>{escape(sentence)}</p>{self._grid(mistakes)}"
        self._draw_parts()
        self._enable()

    def _which(self):
        if not self._page:
            return "These have the highest loss"
        first = self._page * COUNT + 1
        return f"These are numbers {first} to {first + len(self._shown) - 1} by loss"

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
        dataset, names = self._dataset(), self.lab.run.train_set.class_names
        prediction, actual = names[mistake.prediction], names[mistake.actual]
        number = int(dataset.indices[mistake.index])
        taught = self._is_taught(number)
        what = "Taught image" if taught else f"{self.set.label} image {number}"
        words = f"{what}: read as {prediction}, labelled {actual}"
        right = " mnistlab-right" if mistake.prediction == mistake.actual else ""
        known = MNIST_TEST.get(number) if (self.set.value, self.lab.dataset) == ("test", "mnist") else None
        error = "<br>a known label error" if known else ""
        return (
            f'<figure class="mnistlab-figure{right}">{picture(dataset.image(mistake.index), words, 84)}<figcaption>'
            f"read as <b>{escape(prediction)}</b>, labelled&nbsp;{escape(actual)}<br>"
            f"loss {mistake.loss:.2f}<br>{mistake.probability:.0%} sure{error}</figcaption>"
            f"{'' if taught else self._choice(number, names)}</figure>"
        )

    def _can_clean(self):
        """The test set stays as it is, and so does a dataset that is not in use."""
        lab = self.lab
        return self.set.value != "test" and lab.phase not in ("running", "stopping") and not lab.learned_other

    def _choice(self, number, names):
        """What is to be done with an image: keep it, delete it, give it another label. The test set stays as it is."""
        if not self._can_clean():
            return ""
        labels = self.lab.changes[self.set.value].labels
        chosen = "keep" if number not in labels else "delete" if labels[number] is None else str(labels[number])
        options = [("keep", "Keep"), ("delete", "Delete"), *((str(k), f"label {name}") for k, name in enumerate(names))]
        items = "".join(
            f'<option value="{value}"{" selected" if value == chosen else ""}>{escape(word)}</option>'
            for value, word in options
        )
        return (
            f'<select data-act="clean" data-value="{self.set.value} {number}" '
            f'aria-label="What to do with {self.set.value} image {number}">{items}</select>'
        )

    # Cleaning

    def _on_clean(self, value, choice):
        if self.lab.learned_other:  # the page has not yet heard of it
            return
        split, number = value.split()
        changes, number = self.lab.changes[split], int(number)
        if choice == "keep":
            changed = changes.keep(number)
        else:
            changed = changes.delete(number) if choice == "delete" else changes.relabel(number, int(choice))
        self.lab.put_changes(changed)

    def _delete_all(self):
        """What was taught is in no dataset, so there is nothing of it to delete."""
        if self._drawn is None or not self._can_clean():
            return
        dataset, changes = self._dataset(), self.lab.changes[self.set.value]
        for mistake in self._shown:
            number = int(dataset.indices[mistake.index])
            if not self._is_taught(number):
                changes = changes.delete(number)
        self.lab.put_changes(changes)
        self._draw(self._drawn)

    def _is_taught(self, number):
        return self.set.value == "training" and number >= len(self.lab.known.images)

    def _undo(self):
        self.lab.forget_changes()
        self._show()

    def _show_changes(self):
        changes = self.lab.changes.values()
        deleted, relabelled = (sum(len(getattr(each, kind)) for each in changes) for kind in ("deleted", "relabelled"))
        if deleted or relabelled:
            sentence = f"To be changed: {deleted} deleted, {relabelled} with a new label. No file is ever changed."
        else:
            sentence = "Choose Delete or a new label under an image whose label is wrong, then train again without it."
        self.note.value = f"<p>{sentence}{self._noise_left()}</p>"
        busy = self.lab.phase in ("running", "stopping")
        self.again_button.disabled = busy or not (deleted or relabelled)
        self.undo_button.disabled = not (deleted or relabelled)
        self._enable()
        if self.file.is_open:
            self._show_link()

    def _noise_left(self):
        """With label noise it is known which labels are wrong: how many of them the changes have found."""
        noise, labels = self.lab.noise(), self.lab.changes["training"].labels
        if not noise:
            return ""
        gone = sum(image in labels and labels[image] in (None, right) for image, right in noise.items())
        return f" Of the {number(len(noise), 'label')} that noise changed, {gone} {'is' if gone == 1 else 'are'} gone."

    def _show_sides(self):
        """Before and after cleaning, both measured on the validation set as it was and as it is now."""
        lab, run = self.lab, self.lab.run
        if not (lab.phase == "idle" and run and run.evaluation and lab.record.cleaned and lab.before is not None):
            self.sides.value = ""
            return
        original, cleaned = lab.validation_set, lab.changes["validation"].apply(lab.validation_set)
        logits = np.empty((len(original), run.network.outputs), run.network.dtype)
        for _ in logits_in_chunks(run.network, original, logits):
            pass
        kept = np.isin(original.indices, cleaned.indices)
        lines = ""
        for words, outputs in (("Before cleaning", lab.before), ("After cleaning", logits)):
            figures = []
            for rows, dataset in ((slice(None), original), (kept, cleaned)):
                evaluation = Evaluation(outputs[rows], dataset.labels_of(), run.loss.name)
                figures.append(f"<td>{evaluation.accuracy:.2%}</td><td>{evaluation.loss:.3f}</td>")
            lines += f'<tr><th scope="row">{words}</th>{"".join(figures)}</tr>'
        title = _compared(lab.before_was, lab.peculiar, lab.before_settings == lab.record.settings)
        self.sides.value = (
            f"<table><caption>{title}</caption><tr><td></td>"
            '<th colspan="2" scope="colgroup">validation set as it was</th>'
            '<th colspan="2" scope="colgroup">validation set cleaned</th></tr>'
            '<tr><td></td><th scope="col">accuracy</th><th scope="col">loss</th><th scope="col">accuracy</th>'
            f'<th scope="col">loss</th></tr>{lines}</table>'
        )

    def _make_file(self):
        self.link = text("", "mnistlab-link")
        self.load = UploadButton(
            "Load changes", MAX_FILE, self._on_load, self.lab, images=False, accept=".json,application/json"
        )
        self._show_link()
        about = help_text("The changes are a small text file: which images go, and which labels are new.")
        return about, self.link, self.load

    def _show_link(self):
        links = ""
        for split, changes in self.lab.changes.items():
            if len(changes):
                content = base64.b64encode(changes.to_json().encode()).decode()
                links += (
                    f'<a download="{self.lab.dataset}-{split}-changes.json" '
                    f'href="data:application/json;base64,{content}">Download the changes to the {split} set</a> '
                )
        self.link.value = f"<p>{links or 'There are no changes to download yet.'}</p>"

    def _on_load(self, name, size, content, first, last):
        if content is None:
            raise ValueError(f"{name} cannot be read, or is too large to be a file of changes.")
        loaded = Changes.from_json(content.decode("utf-8", "replace"), self.lab.dataset, self.lab.available)
        self.lab.put_changes(self.lab.changes[loaded.split].merge(loaded))
        self.lab.message = f"Loaded: {number(len(loaded), 'change')} to the {loaded.split} set."
        self._show()

    # Confusion matrix, precision and recall

    def _make_matrix(self):
        self.table, self.cell = text("", "mnistlab-matrix"), text("", "mnistlab-cell")
        self._draw_matrix()
        about = help_text("Rows are labels, columns what the network says. A cell opens its images.")
        return about, self.table, self.cell

    def _draw_matrix(self):
        evaluation = self._drawn
        if evaluation is None:
            self.table.value = "<p>There is nothing to show before the first epoch.</p>"
            self.cell.value = ""
            return
        names, matrix = self.lab.run.train_set.class_names, evaluation.confusion_matrix
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
            '<p class="mnistlab-small">Label by row, prediction by column</p>'
            '<div class="mnistlab-wide" role="region" aria-label="Confusion matrix" tabindex="0"><table>'
            f'<tr><td></td>{head}<th scope="col">precision</th><th scope="col">recall</th></tr>{"".join(lines)}'
            "</table></div>"
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
        return (
            f'<td style="background:rgba(213,94,0,{tint:.2f})"><button type="button" data-act="cell" '
            f'data-value="{actual} {prediction}" aria-label="{number(count, "image")} of {escape(names[actual])} '
            f'read as {escape(names[prediction])}">{count}</button></td>'
        )

    def _on_cell(self, value, choice):
        if self._drawn is None:  # a reset came first
            return
        self._opened = tuple(map(int, value.split()))
        self._show_cell()

    def _show_cell(self):
        actual, prediction = self._opened
        evaluation, names = self._drawn, self.lab.run.train_set.class_names
        rows = evaluation.confused(actual, prediction)
        shown = evaluation.mistakes(rows[:COUNT])
        found = f"{number(len(rows), 'image')}, highest loss first" if len(rows) else "no image any more"
        sentence = f"{names[actual]} read as {names[prediction]}: {found}."
        self.cell.value = f"<p>{escape(sentence)}</p>{self._grid(shown)}"

    # I don't know

    def _make_threshold(self):
        self.slider = make(
            self.lab, ipywidgets.FloatSlider, description="Confidence threshold", min=0.0, max=0.99, step=0.01,
            value=0.9, continuous_update=False,
        )
        self.slider.observe(self.lab.guard(lambda change: self._draw_threshold()), "value")
        self.answered = text("", "mnistlab-answered")
        self._draw_threshold()
        controls = ipywidgets.Box([self.slider])
        controls.add_class("mnistlab-controls")
        controls.add_class("mnistlab-threshold")
        return (
            help_text("Below this probability the network may say “I don't know” instead of guessing."), controls,
            self.answered,
        )

    def _draw_threshold(self):
        evaluation = self._drawn
        if evaluation is None:
            self.answered.value = "<p>There is nothing to measure before the first epoch.</p>"
            return
        coverage, accuracy = evaluation.answered(self.slider.value)
        everything = f"Without a threshold it gets {evaluation.accuracy:.1%} of all right."
        got = f"and gets {accuracy:.1%} of these right" if coverage else "so there is nothing to get right"
        self.answered.value = (
            f"<p>It answers {coverage:.1%} of the {len(evaluation.labels):,} {self.set.value} images {got}. "
            f"{everything}</p>"
        )


def _compared(before, after, same_settings):
    """The title of the table of before and after: whether the cleaning is all that is not the same."""
    odd = [f"{when} cleaning it was {what}" for when, what in (("before", before), ("after", after)) if what]
    if not same_settings:
        odd.append("the settings are not the same")
    if not odd:
        return "The same training, before and after cleaning"
    return f"Before and after cleaning, but not the same training: {'; '.join(odd)}"


def _share(value):
    return "–" if np.isnan(value) else f"{value:.1%}"
