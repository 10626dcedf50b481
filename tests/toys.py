"""Small made-up datasets and runs for tests that need no real digits."""

import numpy as np

from mnistlab import Dataset, Settings, build, generators, train


def toy_set(count, classes=3, side=4, seed=0):
    """A Dataset of noise in which one pixel, bright, tells the class; classes come by turns."""
    labels = (np.arange(count) % classes).astype(np.uint8)
    images = np.random.default_rng(seed).integers(0, 100, (count, side, side), np.uint8)
    images.reshape(count, -1)[np.arange(count), labels] = 255
    return Dataset(images, labels, tuple(map(str, range(classes))))


def toy_run(train_set, validation_set, **values):
    """A Run that is not begun, with the network that its settings ask for."""
    settings = Settings(**{"hidden_size": 6, "batch_size": 8, "epochs": 2, **values})
    network = build(settings, generators(settings.seed).weights, train_set.inputs, len(train_set.class_names))
    return train(network, train_set, validation_set, settings)


def finished(run):
    """The run, pulled to its end."""
    for _ in run:
        pass
    return run


def pixels(dataset):
    """The images of a Dataset as float32 rows from 0 to 1, worked out apart from the code under test."""
    images = np.stack([dataset.image(row) for row in range(len(dataset))])
    return (images.reshape(len(images), -1) / 255).astype(np.float32)
