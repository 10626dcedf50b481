"""The data panel: which dataset, how many of its images, what they look like, and how to get the full ones."""

import asyncio
import re
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

import ipywidgets
import numpy as np

from .. import data
from ..settings import TABLE
from .parts import Panel, button, help_text, make, picture, text
from .variations import Variations

EXAMPLES = 2
# The dataset that is always there comes first.
CHOICES = [(data.TITLES[name], name) for name in sorted(data.NAMES, key=lambda name: name != "sample")]
ABOUT = {
    data.DIGITS: "Handwritten digits, 28 by 28 pixels each, by some 250 people.",
    data.CLOTHES: "Clothes from the pages of a shop, 28 by 28 pixels each, in ten classes.",
}


class DataPanel(Panel):
    """Choose what the network learns from. `lab`: the shared Lab; without one the panel makes its own."""

    name = "data"

    def __init__(self, lab=None):
        super().__init__(lab)
        lab = self.lab
        self.choice = make(lab, ipywidgets.Dropdown, description="Dataset", options=CHOICES, value=lab.dataset)
        self.size = make(
            lab, ipywidgets.IntSlider, description="Training images", min=100, max=100, step=100,
            continuous_update=False,
        )
        self.download_button = button("Download", self._toggle_download, lab)
        self.note = text("", "mnistlab-data-note", lab=lab)
        self.images = text("", "mnistlab-examples", lab=lab)
        self._process, self._cancelled = None, False
        self.choice.observe(lab.guard(self._on_choice), "value")
        self.size.observe(lab.guard(self._on_size), "value")
        lab.observe(lab.guard(self._on_dataset), "dataset")
        lab.observe(lab.guard(lambda change: self._show_size()), "settings_seen")
        self._show_dataset()
        about = help_text("The bundled sample needs no network; the full sets have 70,000 images and are fetched once.")
        controls = ipywidgets.Box(
            [
                ipywidgets.VBox([self.choice, about]),
                ipywidgets.VBox([self.size, help_text("Fewer images train faster and generalise worse.")]),
            ]
        )
        controls.add_class("mnistlab-controls")
        row = ipywidgets.HBox([self.download_button, self.note])
        row.add_class("mnistlab-buttons")
        self.variations = Variations(lab)
        self.show(controls, row, self.images, self.variations)

    def _on_choice(self, change):
        """Use the chosen dataset if it is on this machine, else offer to fetch it and stay with the present one."""
        if change["new"] == self.lab.dataset:
            self._show_dataset()
            return
        try:
            self.lab.choose_dataset(change["new"])
        except data.NotDownloaded:
            title = data.TITLES[change["new"]]
            self._say(f"{title} is not on this machine yet. Press Download to fetch it; until then: {self._in_use()}.")
            self._show_button()

    def _on_dataset(self, change):
        """The lab uses another dataset, whoever chose it."""
        own = (change["new"], change["new"])
        if change["new"] not in data.NAMES and own not in self.choice.options:  # images of one's own
            self.choice.options = [*CHOICES, own]
        if self.choice.value == change["new"]:
            self._show_dataset()
        else:
            self.choice.value = change["new"]

    def _on_size(self, change):
        """At its right end the slider means all images, of this dataset and of the next."""
        size = change["new"]
        self.lab.change("train_size", TABLE["train_size"].default if size == self.size.max else size)

    def _show_dataset(self):
        lab = self.lab
        available = len(lab.available)
        self.size.min = self.size.step = min(100, available)
        self.size.max = available // self.size.step * self.size.step
        self._show_size()
        watched, kept = len(lab.validation_set), len(lab.test_set)
        self._say(
            f"{data.TITLES.get(lab.dataset, lab.dataset)}: {available + watched + kept:,} images. {available:,} to "
            f"learn from (training), {watched:,} to watch (validation), {kept:,} kept for the end (test)."
        )
        self._show_button()
        names, labels = lab.available.class_names, lab.available.labels_of()
        figures = []
        for label, name in enumerate(names):
            rows = np.flatnonzero(labels == label)[:EXAMPLES]
            pair = "".join(picture(lab.available.image(row), f"A training image of {name}", 42) for row in rows)
            figures.append(f"<figure>{pair}<figcaption>{escape(name)}</figcaption></figure>")
        about = escape(ABOUT.get(names, ""))
        self.images.value = f'<p>{about}</p><div class="mnistlab-classes">{"".join(figures)}</div>'

    def _show_size(self):
        self.size.value = min(self.lab.settings.train_size, self.size.max)

    def _in_use(self):
        name = self.lab.dataset
        return "the bundled sample" if name == "sample" else data.TITLES.get(name, name)

    def _say(self, sentence):
        self.note.value = f"<p>{escape(sentence)}</p>"

    def _show_button(self):
        self.download_button.description = "Cancel" if self._process else "Download"
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
        title = data.TITLES[name]
        with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "bar", "wb") as writer:
            output = Path(folder) / "bar"
            self._cancelled = False
            nowhere = subprocess.DEVNULL
            self._process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=writer)
            self._show_button()
            self.choice.disabled = True
            shown = None
            try:
                while self._process.poll() is None:
                    await asyncio.sleep(0.2)
                    percent = _last(rb"(\d+) %", output)
                    if percent != shown:
                        shown = percent
                        self.note.value = (
                            f'<progress aria-label="Download" max="100" value="{percent or 0}"></progress>'
                            f"<span>Downloading {escape(title)}: {percent or 0} %</span>"
                        )
                status = self._process.returncode
            finally:
                self._process, self.choice.disabled = None, False
                self._show_button()
            if status == 0:
                self.lab.choose_dataset(name)
            elif self._cancelled:
                self._say(f"The download was stopped. Still in use: {self._in_use()}.")
            else:
                self._say(_last(rb"mnistlab: ([^\r\n]+)", output) or f"{title} could not be downloaded.")


def _last(pattern, path):
    """The last match of a pattern in what a process has written to a file so far, or None."""
    found = re.findall(pattern, path.read_bytes())
    return found[-1].decode(errors="replace") if found else None
