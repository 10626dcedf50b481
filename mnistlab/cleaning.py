"""Cleaning a dataset by hand, as plain data: which images go, and which get another label. No file is ever changed.

The idea is that of fast.ai's image cleaner (chapter 2): look at the images with the highest loss, and decide for each.
"""

import json
from dataclasses import dataclass, field, replace

import numpy as np

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
            raise ValueError(f"The split is {self.split!r}; it must be {' or '.join(SPLITS)}.")
        labels = {}
        for image, label in self.labels.items():
            whole = _whole("An image", image)
            labels[whole] = None if label is None else _whole(f"The new label of image {whole}", label)
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
        return replace(self, labels={**self.labels, image: _whole(f"The new label of image {image}", label)})

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
            raise ValueError(
                "This file does not hold changes to a dataset; choose a JSON file that was downloaded here."
            ) from None
        if of != name:
            raise ValueError(f"These changes are of {of!r}, but the dataset here is {name!r}; choose the other first.")
        if both := sorted(relabelled.keys() & set(deleted)):
            raise ValueError(f"Image {both[0]} is both deleted and given a label; it must be one of the two.")
        if None in relabelled.values():
            raise ValueError("A new label is missing; deleted images belong into the list of deleted ones.")
        changes = cls(of, split, labels)
        changes._check(dataset)
        return changes

    def _check(self, dataset):
        images, classes = len(dataset.images), len(dataset.class_names)
        for image, label in self.labels.items():
            if image >= images:
                raise ValueError(f"There is no image {image}; those of this dataset go from 0 to {images - 1}.")
            if label is not None and label >= classes:
                raise ValueError(f"The new label of image {image} is {label}; labels go from 0 to {classes - 1}.")


def _whole(what, value):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise ValueError(f"{what} is {value!r}; it must be a whole number from 0 on.")
    return int(value)
