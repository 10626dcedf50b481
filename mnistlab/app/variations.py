"""What can be done with the data: look closer, spoil labels, augment, or bring images of one's own."""

import asyncio
from html import escape

import ipywidgets
import numpy as np

from ..augmentation import KINDS, Augmenter
from ..data import class_averages, class_counts, class_titles, examples
from ..experiments import duplicates
from ..folders import MAX_ZIP, ZipReading
from ..language import t
from ..settings import generators
from .parts import Controls, Opening, help_text, make, picture, row, text
from .upload import UploadButton

PREVIEW = 8
# So many sentences on files that were left out are shown.
SHOWN = 8


# The settings that decide which images the network learns from, and with which labels.
DECIDING = ("seed", "validation_fraction", "train_size", "shuffled_labels", "label_noise")


class Variations(ipywidgets.VBox):
    """Five openings below the data panel. lab: the shared Lab."""

    def __init__(self, lab):
        self.lab, self._looked_at = lab, None
        self.look = Opening(t("What the images look like"), self._make_look, lab, self._show_look)
        self.watched = Opening(t("Validation set"), lambda: [Controls(lab, ("validation_fraction",))], lab)
        self.labels = Opening(t("Change the labels"), lambda: [Controls(lab, ("shuffled_labels", "label_noise"))], lab)
        self.augment = Opening(t("Augmentation"), self._make_augment, lab, self._show_preview)
        self.own = Opening(t("Your own images"), self._make_own, lab)
        super().__init__([self.look, self.watched, self.labels, self.augment, self.own])
        lab.observe(lab.guard(lambda change: self._follow()), ["dataset", "settings_seen"])

    def _follow(self):
        if self.look.is_open:
            self._show_look()
        if self.augment.is_open:
            self._show_preview()

    # A closer look

    def _make_look(self):
        lab = self.lab
        self.label = make(lab, ipywidgets.Dropdown, description=t("Images of"))
        self.facts, self.shown = text("", "mnistlab-facts", lab=lab), text("", "mnistlab-class-images", lab=lab)
        self.label.observe(lab.guard(lambda change: self._show_class()), "value")
        return self.facts, row(self.label), self.shown

    def _show_look(self):
        """Of what will be learned from: counts as bars, average images, and images that are in both sets."""
        lab = self.lab
        deciding = (lab.dataset, *(getattr(lab.settings, name) for name in DECIDING))
        if deciding == self._looked_at:
            return
        images, validation_set = lab.next_sets()
        self._looked_at, self._images = deciding, images
        counts, averages, names = class_counts(images), class_averages(images), class_titles(images.class_names)
        lines = "".join(
            f'<tr><th scope="row">{escape(name)}</th>'
            f'<td>{picture(average, t("Average image of {name}", name=name), 42)}</td>'
            f'<td class="mnistlab-bar"><span style="width:{100 * count / counts.max():.0f}%"></span></td>'
            f"<td>{count:,}</td></tr>"
            for name, average, count in zip(names, averages, counts)
        )
        pairs = duplicates(images, validation_set)
        both = "".join(
            picture(images.image(one), t("An image that is in both the training and the validation set"), 42)
            for one, _ in pairs[:PREVIEW]
        )
        caption = t("Average image and number of training images of each class")
        self.facts.value = (
            f"<table><caption>{caption}</caption>{lines}</table><p>{_in_both(len(pairs))}</p>{both}"
        )
        if tuple(name for name, _ in self.label.options) != names:
            self.label.options = [(name, label) for label, name in enumerate(names)]
            self.label.value = 0
        self._show_class()

    def _show_class(self):
        label, images, names = self.label.value, self._images, class_titles(self._images.class_names)
        if label is None or label >= len(names):  # between two datasets
            return
        rows = examples(images, label, 24, np.random.default_rng(self.lab.settings.seed))
        figures = []
        # Same images, but with the labels that the dataset itself gives them.
        for each, before in zip(rows, self.lab.next_parts()[0].labels[images.indices[rows]]):
            said = dict(label=names[label], before=names[before])
            if before == label:
                words, whole = t("labelled {label}", **said), t("A training image labelled {label}", **said)
            else:
                words = t("labelled {label}, was {before}", **said)
                whole = t("A training image labelled {label}, was {before}", **said)
            image = picture(images.image(each), whole, 56)
            figures.append(f"<figure>{image}<figcaption>{escape(words)}</figcaption></figure>")
        self.shown.value = f'<div class="mnistlab-classes">{"".join(figures)}</div>'

    # Augmentation

    def _make_augment(self):
        self.preview = text("", "mnistlab-preview", lab=self.lab)
        return Controls(self.lab, (*KINDS, "elastic_sigma")), self.preview

    def _show_preview(self):
        """The same eight images, as they are and as an epoch might show them."""
        images = self.lab.available
        rows = slice(0, PREVIEW)
        side = images.images.shape[1:]
        plain = images.images[images.indices[rows]]
        rng = generators(self.lab.settings.seed).augmentation
        changed = Augmenter(self.lab.settings)(plain.reshape(len(plain), -1), rng).reshape(-1, *side)
        lines = (
            f"<p>{words}</p>" + "".join(picture(image, words, 56) for image in part)
            for words, part in ((t("As they are:"), plain), (t("As an epoch may show them:"), changed))
        )
        self.preview.value = "".join(lines)

    # Images of one's own

    def _make_own(self):
        fits = [(t("pad"), "pad"), (t("crop"), "crop"), (t("squash"), "squash")]
        self.fit = make(self.lab, ipywidgets.Dropdown, description=t("Fit by"), options=fits)
        self.upload = UploadButton(
            t("Upload a zip"), MAX_ZIP, self._on_zip, self.lab, images=False, accept=".zip,application/zip"
        )
        self.said = text("", "mnistlab-own")
        about = help_text(t(
            "A zip of folders, one for each class and named after it, with PNG or JPEG images of any size: pad keeps "
            "their proportions, crop takes the middle, squash stretches. They stay in this session."
        ))
        return about, row(self.fit, self.upload), self.said

    def _on_zip(self, name, size, content, first, last):
        if content is None:
            if size is None:
                sentence = t(
                    "The browser could not read {name}. Choose the file again; if that fails, zip it anew.", name=name
                )
            else:
                sentence = t(
                    "{name} is {size:.0f} MB; up to {most} MB can be read. Make its pictures smaller, or put fewer "
                    "into it.", name=name, size=size / 1e6, most=MAX_ZIP // 1_000_000,
                )
            self.said.value = f"<p class='mnistlab-message mnistlab-alarm' role='alert'>{escape(sentence)}</p>"
        else:
            self.lab.start_task(self._read(name, content))

    async def _read(self, name, content):
        """Read the zip an image at a time, so that the page can be used meanwhile."""
        try:
            reading = ZipReading(content, fit=self.fit.value)
            for done in reading:
                if done % 10 == 0:
                    words = t("{done:,} of {total:,} images read …", done=done, total=reading.total)
                    self.said.value = f"<p>{words}</p>"
                await asyncio.sleep(0)
            name = self.lab.use_images(name.removesuffix(".zip"), reading.dataset)
        except ValueError as error:
            self.said.value = f"<p class='mnistlab-message mnistlab-alarm' role='alert'>{escape(str(error))}</p>"
            return
        left_out = "".join(f"<li>{escape(sentence)}</li>" for sentence in reading.skipped[:SHOWN])
        rest = len(reading.skipped) - SHOWN
        more = f"<p>{t('And {count:,} more.', count=rest)}</p>" if rest > 0 else ""
        said = f"<p>{t('Left out:')}</p><ul>{left_out}</ul>{more}" if left_out else ""
        used = t(
            "{count:,} images are in use from the next run on. They are called {name}.",
            count=len(reading.dataset), name=escape(name),
        )
        self.said.value = f"<p>{used}</p>{said}"


def _in_both(count):
    if count == 0:
        return t("No image is in both the training and the validation set.")
    return t(
        "{count:,} image is in both the training and the validation set, pixel for pixel." if count == 1
        else "{count:,} images are in both the training and the validation set, pixel for pixel.", count=count,
    )
