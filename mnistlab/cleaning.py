"""Cleaning a dataset by hand, as plain data: which images go, and which get another label. No file is ever changed.

The idea is that of fast.ai's image cleaner (chapter 2): look at the images with the highest loss, and decide for each.
"""

import json
from dataclasses import dataclass, field, replace

import numpy as np

from .language import t

SPLITS = ("training", "validation")


@dataclass(frozen=True)
class Changes:
    """What is to be changed in one split of a dataset. Every verb gives new Changes and leaves these as they are.

    dataset: its name, such as "mnist"; split: "training" or "validation"; labels: for each image that changes its new
    label, or None if it is deleted. Images go by their number in the dataset (`Dataset.indices`), so changes hold for
    any selection of it. Raises ValueError for another split, a number below 0, and one that is not whole.
    """

    dataset: str
    split: str = "training"
    labels: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.split not in SPLITS:
            raise ValueError(t(
                "The split is {split!r}; it must be {one} or {other}.", split=self.split, one=SPLITS[0], other=SPLITS[1]
            ))
        labels = {}
        for image, label in self.labels.items():
            if not _is_whole(image):
                raise ValueError(t("An image is {image!r}; it must be a whole number from 0 on.", image=image))
            labels[int(image)] = None if label is None else _label(label, image)
        object.__setattr__(self, "labels", labels)

    def __len__(self):
        """How many images are deleted or get another label."""
        return len(self.labels)

    @property
    def deleted(self):
        """The images that go, in order, as a list."""
        return sorted(image for image, label in self.labels.items() if label is None)

    @property
    def relabelled(self):
        """The images that get another label, in order, with that label, as a dictionary."""
        return {image: self.labels[image] for image in sorted(self.labels) if self.labels[image] is not None}

    def delete(self, image):
        """These changes, and this image (its number in the dataset) goes. Raises ValueError as the class does."""
        return replace(self, labels={**self.labels, image: None})

    def relabel(self, image, label):
        """These changes, and this image gets this label, both whole numbers from 0. Raises ValueError for others."""
        return replace(self, labels={**self.labels, image: _label(label, image)})

    def keep(self, image):
        """These changes without what they said of this image: it stays as it is."""
        return replace(self, labels={other: label for other, label in self.labels.items() if other != image})

    def merge(self, later):
        """These changes and then the later ones, which win where both speak of an image.

        Raises ValueError where the later ones are of another dataset or split.
        """
        if (later.dataset, later.split) != (self.dataset, self.split):
            raise ValueError(
                f"These are changes to the {later.split} set of {later.dataset!r}; they cannot be merged with those to "
                f"the {self.split} set of {self.dataset!r}."
            )
        return replace(self, labels={**self.labels, **later.labels})

    def apply(self, dataset):
        """The Dataset (a selection of the one these changes are of) without the deleted images, with the new labels.

        It shares the images; the one that is given stays as it is. Raises ValueError for an image or label that the
        dataset does not have.
        """
        self._check(dataset)
        labels = dataset.labels.copy()
        labels[list(self.relabelled)] = list(self.relabelled.values())
        left = ~np.isin(dataset.indices, self.deleted)
        return replace(dataset, labels=labels, indices=dataset.indices[left])

    def to_json(self):
        """The changes as text; `from_json` reads it back."""
        return json.dumps({
            "dataset": self.dataset, "split": self.split, "deleted": self.deleted, "relabelled": self.relabelled,
        })

    @classmethod
    def from_json(cls, text, name, dataset):
        """The Changes that `to_json` wrote, for the Dataset of this name.

        Raises ValueError for text that is not such, for changes of another dataset, and for an image or label that
        this dataset does not have.
        """
        try:
            data = json.loads(text)
            of, split, deleted, relabelled = (data[key] for key in ("dataset", "split", "deleted", "relabelled"))
            # JSON's names are text: "17" stands for image 17.
            relabelled = {int(image): label for image, label in relabelled.items()}
            labels = {**relabelled, **dict.fromkeys(deleted)}
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise ValueError(t(
                "This file does not hold changes to a dataset; choose a JSON file that was downloaded here."
            )) from None
        if of != name:
            raise ValueError(t(
                "These changes are of {other!r}, but the dataset here is {own!r}; choose the other first.",
                other=of, own=name,
            ))
        if both := sorted(relabelled.keys() & set(deleted)):
            raise ValueError(t(
                "Image {image} is both deleted and given a label; it must be one of the two.", image=both[0]
            ))
        if None in relabelled.values():
            raise ValueError(t("A new label is missing; deleted images belong into the list of deleted ones."))
        changes = cls(of, split, labels)
        changes._check(dataset)
        return changes

    def _check(self, dataset):
        images, classes = len(dataset.images), len(dataset.class_names)
        for image, label in self.labels.items():
            if image >= images:
                raise ValueError(t(
                    "There is no image {image}; those of this dataset go from 0 to {last}.", image=image,
                    last=images - 1,
                ))
            if label is not None and label >= classes:
                raise ValueError(t(
                    "The new label of image {image} is {label}; labels go from 0 to {last}.", image=image, label=label,
                    last=classes - 1,
                ))


def _label(label, image):
    """label as a plain int; raises ValueError where it is none for this image."""
    if not _is_whole(label):
        raise ValueError(t(
            "The new label of image {image} is {label!r}; it must be a whole number from 0 on.", image=image,
            label=label,
        ))
    return int(label)


def _is_whole(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= 0
