"""What the engine costs: the tutorial against its plain loop, and the Quick preset on full MNIST."""

from statistics import mean, median
from time import perf_counter

import mnistlab
from mnistlab.presets import preset

from .plain_tutorial import plain_tutorial
from .table import Row


def timed(work):
    """(seconds, result) of one call."""
    started = perf_counter()
    result = work()
    return perf_counter() - started, result


def tutorial_rows(official, rounds=5):
    """Table rows: the tutorial's 20 epochs, the two programs in turn in this process, medians."""
    plain, ours = [], []
    for _ in range(rounds):
        seconds, published = timed(lambda: plain_tutorial(*official))
        plain.append(seconds)
        seconds, rows = timed(lambda: list(mnistlab.train_tutorial(*official)))
        ours.append(seconds)
    printed = [
        [f"{value:.3f}" for value in (row.training_error, row.training_accuracy, row.test_error, row.test_accuracy)]
        for row in rows
    ]
    same = printed == [[f"{value:.3f}" for value in row] for row in published]
    times = median(plain) / median(ours)
    return [
        Row(
            "The NumPy tutorial's 20 epochs of 1,000 images", f"{median(ours):.2f} s",
            f"its own loop: {median(plain):.2f} s", f"{times:.1f} times as fast",
            "at least 4 times, same printed digits" + ("" if same else " (THEY ARE OTHERS)"), times >= 4 and same,
        )
    ]


def preset_row(official, name, seeds, accuracy, most):
    """The table row of a preset's test accuracy and seconds of training, means over so many seeds.

    accuracy, most: what must be reached, in so many seconds.
    """
    train_set, test_set = official
    accuracies, seconds = [], []
    for seed in range(seeds):
        settings = mnistlab.Settings(seed=seed)
        preset(name).apply(settings)
        rngs = mnistlab.generators(seed)
        parts = mnistlab.training_split(train_set, settings, rngs.split)
        network = mnistlab.build(settings, rngs.weights)
        run = mnistlab.train(network, *parts, settings)
        seconds.append(timed(lambda: list(run))[0])
        accuracies.append(mnistlab.evaluate(network, test_set).accuracy)
    sizes = "-".join(map(str, [784, *[settings.hidden_size] * settings.hidden_layers, 10]))
    return Row(
        f"Preset {preset(name).title} ({sizes}) on full MNIST",
        f"{mean(accuracies):.2%} test accuracy (mean of {seeds} seeds, lowest {min(accuracies):.2%}) "
        f"after {mean(seconds):.2f} s of training, validation included",
        must_reach=f"{accuracy:.1%} in {most} s", reached=mean(accuracies) >= accuracy and mean(seconds) <= most,
    )
