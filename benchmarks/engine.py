"""What the engine costs: the tutorial against its plain loop, and the Quick preset on full MNIST."""

from statistics import mean, median
from time import perf_counter

import mnistlab
from mnistlab.settings import preset

from .plain_tutorial import plain_tutorial


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
        seconds, rows = timed(lambda: list(mnistlab.tutorial(*official)))
        ours.append(seconds)
    printed = [f"{row.training_error:.3f} {row.training_accuracy:.3f} {row.test_error:.3f} {row.test_accuracy:.3f}" for row in rows]
    same = printed == [" ".join(f"{value:.3f}" for value in row) for row in published]
    verdict = "same printed digits" if same else "OTHER DIGITS"
    return [
        (
            "The NumPy tutorial's 20 epochs",
            f"{median(ours):.2f} s; its own loop {median(plain):.2f} s: {median(plain) / median(ours):.1f} times as fast, "
            f"{verdict}",
            "at least 4 times",
        )
    ]


def preset_rows(official):
    """Table rows: test accuracy and seconds of training of the presets "Quick" and "Best" over several seeds."""
    return [
        _preset_row(official, "quick", 5, "98% in 3 s, aim 2 s"), _preset_row(official, "best", 3, "99.2% in 180 s"),
    ]


def _preset_row(official, name, seeds, wanted):
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
    return (
        f"Preset {preset(name).title} ({sizes}) on full MNIST",
        f"{mean(accuracies):.2%} test accuracy (mean of {seeds} seeds, lowest {min(accuracies):.2%}) "
        f"after {mean(seconds):.2f} s of training, validation included",
        wanted,
    )
