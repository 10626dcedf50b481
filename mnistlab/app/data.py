"""The data panel: which dataset, how many of its images, what they look like, and how to get the full ones."""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import ipywidgets
import numpy as np

from .. import data
from ..language import spoken, t
from ..settings import TABLE
from .parts import Panel, button, help_text, make, picture, read_typed, set_hidden, set_range, text
from .variations import Variations

EXAMPLES = 2
# The dataset that is always there comes first.
CHOICES = sorted(data.NAMES, key=lambda name: name != "sample")


class DataPanel(Panel):
    """Choose what the network learns from. `lab`: the shared Lab; without one the panel makes its own."""

    name = "data"
    _process, _cancelled = None, False  # of the download: the panel may be built again while it goes on

    def build(self):
        lab = self.lab
        self.choice = make(
            lab, ipywidgets.Dropdown, description=t("Dataset"), options=self._choices(), value=lab.dataset
        )
        self.size = make(lab, ipywidgets.IntSlider, description=t("Training images"), continuous_update=False)
        read_typed(lab, self.size, lambda number: lab.change("train_size", number))
        self.size.observe(lab.guard(self._on_size), "value")
        self._following = False
        self.download_button = button(t("Download"), self._toggle_download, lab)
        self.note = text("", "mnistlab-data-note", lab=lab)
        self.images = text("", "mnistlab-examples", lab=lab)
        self.choice.observe(lab.guard(self._on_choice), "value")
        lab.observe(lab.guard(self._on_dataset), "dataset")
        lab.observe(lab.guard(lambda change: self._follow_settings()), "settings_seen")
        lab.observe(lab.guard(lambda change: self._follow_link()), "link")
        lab.observe(lab.guard(lambda change: self._choose_wanted()), "wanted")
        about = help_text(
            t("The bundled sample needs no network; the full sets have 70,000 images and are fetched once.")
        )
        self._choice_box = ipywidgets.VBox([self.choice, about])
        self._size_box = ipywidgets.VBox([self.size, help_text(t("Fewer images train faster and generalise worse."))])
        self._split_shown = None
        self._show_dataset()
        self._follow_link()
        self._choose_wanted()
        controls = ipywidgets.Box([self._choice_box, self._size_box])
        controls.add_class("mnistlab-controls")
        row = ipywidgets.HBox([self.download_button, self.note])
        row.add_class("mnistlab-buttons")
        self.variations = Variations(lab)
        self.show(controls, row, self.images, self.variations)

    def _choices(self):
        return [(data.title(name), name) for name in (*CHOICES, *self.lab.own)]

    def _on_choice(self, change):
        """Use the chosen dataset if it is on this machine, else offer to fetch it and stay with the present one."""
        if self._following:
            return
        if change["new"] == self.lab.dataset:
            self.lab.wanted = ""
            self._show_dataset()
            return
        try:
            self.lab.choose_dataset(change["new"])
        except data.NotDownloaded:
            self._say(t(
                "{dataset} is not on this machine yet. Press Download to fetch it; until then: {in_use}.",
                dataset=data.title(change["new"]), in_use=self._in_use(),
            ))
            self._show_button()

    def _on_dataset(self, change):
        """The lab uses another dataset, whoever chose it."""
        self._following = True
        try:
            if len(self.choice.options) != len(choices := self._choices()):  # images of one's own
                self.choice.options = choices  # which chooses the first of them
            self.choice.value = change["new"]
        finally:
            self._following = False
        self._show_dataset()

    def _choose_wanted(self):
        """A dataset that has to be downloaded first is chosen here, for Download to fetch it."""
        if self.lab.wanted:
            self.choice.value = self.lab.wanted

    def _on_size(self, change):
        """At its right end the slider means all images, of this dataset and of the next."""
        if not self._following:
            size = change["new"]
            self.lab.change("train_size", TABLE["train_size"].default if size == self.size.max else size)

    def _follow_settings(self):
        """Show the settings as they are, whoever changed them; another split has other numbers of images."""
        settings = self.lab.settings
        if self._split_shown != (settings.seed, settings.validation_fraction):
            self._show_dataset()
        else:
            self._show_size()

    def _follow_link(self):
        link = self.lab.link
        self.size.disabled = "train_size" in link.lock
        self.choice.disabled = self._process is not None or "dataset" in link.lock
        set_hidden(self._size_box, "train_size" in link.hide)
        for widget in (self._choice_box, self.download_button):
            set_hidden(widget, "dataset" in link.hide)

    def _show_size(self):
        """Show the number of training images, or all where there are no more, which changes no setting.

        The slider goes by hundreds; for a number beyond its ends it is widened while it has to be.
        """
        available, size = len(self.lab.next_parts()[0]), self.lab.settings.train_size
        step = min(100, available)
        most = available // step * step
        shown = size if size < available else most
        self._following = True
        try:
            self.size.step = step
            set_range(self.size, self._size_box, min(step, shown), available if shown > most else most)
            self.size.value = shown
        finally:
            self._following = False

    def _show_dataset(self):
        lab = self.lab
        self._split_shown = lab.settings.seed, lab.settings.validation_fraction
        images, validation_set = lab.next_parts()
        self._show_size()
        available, watched, kept = len(images), len(validation_set), len(lab.test_set)
        self._say(t(
            "{dataset}: {total:,} images. {available:,} to learn from (training), {watched:,} to watch (validation), "
            "{kept:,} kept for the end (test).", dataset=data.title(lab.dataset),
            total=available + watched + kept, available=available, watched=watched, kept=kept,
        ))
        self._show_button()
        names, labels = images.class_names, images.labels_of()
        figures = []
        for label, name in enumerate(data.class_titles(names)):
            rows = np.flatnonzero(labels == label)[:EXAMPLES]
            pair = "".join(picture(images.image(row), t("A training image of {name}", name=name), 42) for row in rows)
            figures.append(f"<figure>{pair}<figcaption>{escape(name)}</figcaption></figure>")
        self.images.value = f'<p>{_about(names)}</p><div class="mnistlab-classes">{"".join(figures)}</div>'

    def _in_use(self):
        name = self.lab.dataset
        return t("the bundled sample") if name == "sample" else data.title(name)

    def _say(self, sentence):
        self.note.value = f"<p>{escape(sentence)}</p>"

    def _show_button(self):
        self.download_button.description = t("Cancel" if self._process else "Download")
        self.download_button.disabled = not self._process and self.choice.value == self.lab.dataset

    def _toggle_download(self):
        if self._process:
            self._cancelled = True
            self._process.terminate()
        else:
            self.lab.start_task(self._download(self.choice.value))

    async def _download(self, name):
        """Let the command line fetch the files, and show its progress bar here.

        A process of its own, because a silent server would hold up the kernel, and with it every button, for as long
        as the time-out lasts.
        """
        command = [sys.executable, "-m", "mnistlab", "download", name]
        if self.lab.data_dir:
            command += ["--data-dir", str(self.lab.data_dir)]
        # What it says of a failure is shown here, so it is told in which language and writes it down alike everywhere.
        environment = {**os.environ, "MNISTLAB_LANG": spoken(), "PYTHONIOENCODING": "utf-8"}
        title = data.title(name)
        with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "bar", "wb") as writer:
            output = Path(folder) / "bar"
            self._cancelled = False
            nowhere = subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=writer, env=environment)
            self._show_button()
            self.choice.disabled = True
            shown = None
            try:
                while self._process.poll() is None:
                    await asyncio.sleep(0.2)
                    percent = _last(rb"(\d+) %", output)
                    if percent != shown:
                        shown = percent
                        words = t("Downloading {dataset}: {percent} %", dataset=title, percent=percent or 0)
                        self.note.value = (
                            f'<progress aria-label="{t("Download")}" max="100" value="{percent or 0}"></progress>'
                            f"<span>{escape(words)}</span>"
                        )
                status = self._process.returncode
            finally:
                self._process = None
                self._follow_link()
                self._show_button()
            if status == 0:
                self.lab.choose_dataset(name)
            elif self._cancelled:
                self._say(t("The download was stopped. Still in use: {in_use}.", in_use=self._in_use()))
            else:
                said = _last(rb"mnistlab: ([^\r\n]+)", output)
                self._say(said or t("{dataset} could not be downloaded.", dataset=title))


def _about(class_names):
    """What images of these classes are, where that is known."""
    if class_names == data.DIGITS:
        return t("Handwritten digits, 28 by 28 pixels each, by some 250 people.")
    if class_names == data.CLOTHES:
        return t("Clothes from the pages of a shop, 28 by 28 pixels each, in ten classes.")
    return ""


def _last(pattern, path):
    """The last match of a pattern in what a process has written to a file so far, or None."""
    found = re.findall(pattern, path.read_bytes())
    return found[-1].decode(errors="replace") if found else None
