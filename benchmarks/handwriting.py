"""How well the Quick preset reads photographs of handwriting that is not MNIST's, by kind of picture."""

from dataclasses import dataclass

import numpy as np

import mnistlab
from mnistlab.images import UnreadableImage, as_inputs, prepare
from mnistlab.presets import preset

from .pictures import KINDS, NEW_KINDS, pictures
from .table import Row

# Scans and print have their own pens, so these are the kinds where the paper, the light or the camera differ.
CONDITIONS = (
    "plain paper", "squared paper", "shadow with an edge", "taken at an angle", "in a corner", "60 pixels", "anything",
)
HANDS = {
    "Strokes of hands the preparation was not tuned on": ("held out", [*KINDS, *NEW_KINDS]),
    "Other people's digits (UCI, scanned at 8x8)": ("scans", CONDITIONS),
    "Printed digits": ("print", CONDITIONS),
}


@dataclass
class Score:
    """One kind of picture: its name, how many there were, and (label, answer) of those read wrongly."""

    kind: str
    count: int
    wrong: list

    def __str__(self):
        mistakes = ", ".join(f"{label} as {answer}" for label, answer in self.wrong)
        return f"{self.kind}: {self.count - len(self.wrong)} of {self.count}" + (f" ({mistakes})" if mistakes else "")


def quick_network(official, seed=0):
    """A network trained with the preset "Quick" on all of MNIST's training images."""
    settings = mnistlab.Settings(seed=seed)
    preset("quick").apply(settings)
    rngs = mnistlab.generators(seed)
    parts = mnistlab.training_split(official[0], settings, rngs.split)
    network = mnistlab.build(settings, rngs.weights)
    for _ in mnistlab.train(network, *parts, settings):
        pass
    return network


def score(network, kind, writer, seed, each=None):
    """The Score of one kind of picture; a picture that cannot be prepared counts as wrong, with the answer "blank"."""
    wrong, files = [], pictures(kind, writer, seed, each)
    for label, content in files:
        try:
            answer = int(np.argmax(network.forward(as_inputs(prepare(content).pixels[None]))))
        except UnreadableImage:
            answer = "blank"
        if answer != label:
            wrong.append((label, answer))
    return Score(kind, len(files), wrong)


def accuracy(scores):
    """The share of all pictures that were read rightly."""
    return 1 - sum(len(one.wrong) for one in scores) / sum(one.count for one in scores)


def handwriting_rows(official, seed=1):
    """Table rows: accuracy over all pictures of a hand, and for the kinds that were read worst; prints every kind."""
    network, rows = quick_network(official), []
    for name, (writer, kinds) in HANDS.items():
        scores = [score(network, kind, writer, seed) for kind in kinds]
        print(name, *scores, sep="\n  ")
        worst = sorted(scores, key=lambda one: accuracy([one]))[:3]
        rows.append(Row(
            f"{name}, {sum(one.count for one in scores):,} pictures of {len(scores)} kinds, preset Quick",
            f"{accuracy(scores):.1%} read rightly; worst: "
            + ", ".join(f"{one.kind} {accuracy([one]):.0%}" for one in worst),
            must_reach="90%", reached=accuracy(scores) >= 0.9,
        ))
    return rows
