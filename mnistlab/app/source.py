"""Where the images of a run come from: a dataset without its test set, how it is split, what is changed in it."""

from dataclasses import dataclass

from .. import data
from ..cleaning import SPLITS, Changes
from ..experiments import with_other_labels
from ..settings import generators


@dataclass(frozen=True)
class Source:
    """A dataset as a run learns from it.

    dataset: its name; whole: all of it but test_set; split: (seed, share of the validation set), and parts what that
    makes of it, (images to learn from, validation set); changes: {"training" and "validation": what the mistakes panel
    changes there}; cleaned: whether the run learns from the images so changed; known: whether it did learn from these,
    as a network's file may not say; looks: how often the test set was looked at by then.
    """

    dataset: str
    whole: data.Dataset
    test_set: data.Dataset
    split: tuple
    parts: tuple
    changes: dict
    cleaned: bool = False
    known: bool = True
    looks: int = 0

    def sets(self, settings):
        """(training set, validation set) of a run with these Settings."""
        train_set, validation_set = training_set(self.parts[0], settings), self.parts[1]
        if not self.cleaned:
            return train_set, validation_set
        return clean(train_set, self.changes), clean(validation_set, self.changes)


def split_of(settings):
    """Two runs whose Settings have this in common hold out the same images."""
    return settings.seed, settings.validation_fraction


def parts_of(whole, split):
    """(images to learn from, validation set) of a dataset. Raises ValueError where one of the two would be empty."""
    seed, fraction = split
    return data.split(whole, fraction, generators(seed).split)


def no_changes(name):
    """The Changes of a dataset in which nothing is to be changed, by split."""
    return {split: Changes(name, split) for split in SPLITS}


def clean(dataset, changes):
    """A Dataset with the Changes of both splits: another seed may have brought an image into the other one."""
    for each in changes.values():
        dataset = each.apply(dataset)
    return dataset


def training_set(available, settings):
    """What a run with these Settings learns from, of the images that are not held out."""
    chosen = available.select(slice(0, settings.train_size))
    return with_other_labels(chosen, settings, generators(settings.seed).labels)
