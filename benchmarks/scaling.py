"""Cost against size: what one epoch takes as the hidden layer, the training set and the batch grow."""

from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

import mnistlab

CHART = Path(__file__).with_name("scaling.png")
HIDDEN = (16, 32, 64, 128, 256, 512, 1024, 2048)
IMAGES = (1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
# Where one size varies, the others stay at these; a batch of one is measured on fewer images.
USUAL = {"hidden_size": 128, "images": 60_000, "batch_size": 128}


def seconds_of(official, rounds, hidden_size=128, images=60_000, batch_size=128):
    """The median time of an epoch's steps, in seconds."""
    train_set = official[0].select(slice(0, images))
    settings = mnistlab.Settings(hidden_size=hidden_size, batch_size=batch_size, learning_rate=0.01, epochs=rounds + 1)
    run = mnistlab.train(
        mnistlab.build(settings, mnistlab.generators(0).weights), train_set, train_set.select(slice(0, 10)), settings
    )
    times, started = [], perf_counter()
    for progress in run:
        if progress.phase == "epoch":
            times.append(perf_counter() - started)
            started = perf_counter()
    return median(times[1:])


def measure(official, rounds=3):
    """{size that varies: (sizes, seconds for 60,000 images, or for as many as there are)}."""
    found = {
        "hidden_size": (HIDDEN, [seconds_of(official, rounds, hidden_size=size) for size in HIDDEN]),
        "images": (IMAGES, [seconds_of(official, rounds, images=size) for size in IMAGES]),
        "batch_size": (BATCH, []),
    }
    for size in BATCH:
        images = min(60_000, 2_000 * size)
        found["batch_size"][1].append(seconds_of(official, rounds, images=images, batch_size=size) * 60_000 / images)
    return found


def chart(found):
    """Write scaling.png: three panels, both axes logarithmic, measured points and the ideal line."""
    from matplotlib.figure import Figure

    from mnistlab.plots import BASELINE, GRID, INK, TRAINING

    figure = Figure(figsize=(11, 3.6), dpi=100)
    titles = {
        "hidden_size": ("Hidden size", "cost in proportion"), "images": ("Training images", "cost in proportion"),
        "batch_size": ("Batch size", "the same cost at any size"),
    }
    for ax, (what, (sizes, seconds)) in zip(figure.subplots(1, 3, sharey=True), found.items()):
        title, promise = titles[what]
        ax.loglog(sizes, seconds, "o-", color=TRAINING, label="measured")
        # The largest size uses the processor best: the line shows what it would cost if all others did as well.
        ideal = np.full(len(sizes), seconds[-1])
        if what != "batch_size":
            ideal = ideal * np.array(sizes) / sizes[-1]
        ax.loglog(sizes, ideal, "--", color=BASELINE, label=f"ideal: {promise}")
        ax.set_xlabel(title, color=INK)
        ax.grid(color=GRID, linewidth=0.8)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=9)
    figure.axes[0].set_ylabel("Seconds an epoch", color=INK)
    figure.suptitle("One epoch of 784-128-10, batch 128, 60,000 images, where not said otherwise", fontsize=11)
    figure.tight_layout()
    figure.savefig(CHART)
