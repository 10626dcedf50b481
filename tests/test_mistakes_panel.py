"""The mistakes panel, teaching and the warning of the digit panel, without a browser."""

import re
from dataclasses import replace

import numpy as np
from test_app import clothes, fresh_widgets, in_a_loop  # noqa: F401 - the fixtures work by being here
from test_lab import lab_of

from mnistlab.app import DigitPanel, MistakesPanel, TrainingPanel


async def trained(lab):
    lab.start()
    await lab.task
    return lab


# Teaching


@in_a_loop
async def test_after_teaching_a_choice_hits_the_image_that_is_shown():
    lab = await trained(lab_of())
    panel = MistakesPanel(lab)
    panel.set.value = "training"
    taught = 255 - lab.available.image(0)
    lab.teach(taught, 3)
    await lab.task
    mixed = lab.run.train_set
    own = mixed.indices >= len(lab.available.images)
    assert own.sum() == 20 and (mixed.images[mixed.indices[own]] == taught).all()
    for number in mixed.indices[~own][:50]:
        assert (mixed.images[number] == lab.available.images[number]).all()
        assert mixed.labels[number] == lab.available.labels[number]


@in_a_loop
async def test_a_taught_image_is_called_so_and_cannot_be_cleaned():
    lab = await trained(lab_of())
    panel = MistakesPanel(lab)
    lab.teach(np.zeros((28, 28), np.uint8), 3)
    await lab.task
    evaluation = lab.run.evaluation
    panel.set.value = "training"
    row = int(np.flatnonzero(lab.run.train_set.indices >= len(lab.available.images))[0])
    (mistake,) = evaluation.mistakes(np.array([0]))
    taught = panel._figure(replace(mistake, index=row))
    assert "Taught image: read as" in taught and "<select" not in taught
    assert "<select" in panel._figure(mistake)


@in_a_loop
async def test_teaching_mixes_from_the_images_and_labels_that_the_network_learned_from():
    lab = await trained(lab_of(train_size=300, label_noise=0.3))
    learned = lab.run.train_set
    for label in (3, 4):
        lab.change("hidden_size", 64)  # for the next run; this one goes on as it began
        lab.teach(np.zeros((28, 28), np.uint8), label)
        await lab.task
        mixed = lab.run.train_set
        own = mixed.indices >= len(lab.available.images)
        assert sorted(mixed.indices[~own]) == sorted(learned.indices)
        assert (mixed.labels_of(np.flatnonzero(~own)) == learned.labels_of()).all()
        assert lab.record.settings["hidden_size"] == 16 and lab.record.settings["learning_rate"] == 0.1 / 5
    assert own.sum() == 40 and lab.run.validation_set is lab.validation_set
