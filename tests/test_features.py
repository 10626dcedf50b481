"""Hand-made features, on digits drawn in the test and on the sample."""

import numpy as np
import pytest

from mnistlab import features
from mnistlab.data import Dataset, load
from mnistlab.network import build
from mnistlab.settings import Settings, generators
from mnistlab.training import train


def drawn(*rows):
    """One image, uint8 (1, rows, columns), of text: # is ink, everything else is not."""
    return np.array([[[255 * (sign == "#") for sign in row] for row in rows]], np.uint8)


RING = drawn(".....", ".###.", ".#.#.", ".###.", ".....")
EIGHT = drawn(".###.", ".#.#.", ".###.", ".#.#.", ".###.")
HOOK = drawn(".###.", ".#.#.", ".#.#.", ".#...", ".#...")  # open below: water runs in
LINE = drawn("..#..", "..#..", "..#..", "..#..", "..#..")
EMPTY = drawn(".....", ".....", ".....", ".....", ".....")


@pytest.mark.parametrize("image, count", [(RING, 1), (EIGHT, 2), (HOOK, 0), (LINE, 0), (EMPTY, 0)])
def test_holes_are_counted(image, count):
    assert features.holes(image) == [count]


def test_holes_touching_at_a_corner_are_two_and_the_border_of_an_image_closes_none():
    corner = drawn("#####", "#.###", "##.##", "#####", "#####")
    assert features.holes(corner) == [2]
    frame = drawn("##.##", "#...#", "#...#", "#...#", "#####")
    assert features.holes(frame) == [0]


def test_many_images_at_once_are_as_one_by_one():
    images = load("sample")[0].images[:60]
    together = features.measured(images)
    assert together.shape == (60, len(features.NAMES)) and together.dtype == np.float64
    assert np.array_equal(together, np.concatenate([features.measured(image[None]) for image in images]))


def test_sizes_and_places():
    assert features.height(RING) == [3] and features.width(RING) == [3]
    assert features.height(LINE) == [5] and features.width(LINE) == [1]
    assert features.ink(LINE) == [0.2]
    low = drawn(".....", "..#..", "..#..", ".###.", ".###.")
    assert features.weight_down(low) > features.weight_down(low[:, ::-1])
    right_heavy = drawn(".....", ".####", "....#", "....#", ".....")
    assert features.weight_right(right_heavy) > features.weight_right(right_heavy[:, :, ::-1])


def where(image):
    """The kinds of bays that an image has, with how many pixels each has."""
    sizes = features.bays(image).sum(axis=(1, 2, 3))
    return {kind: int(size) for kind, size in zip(features.BAYS, sizes) if size}


def test_bays_are_open_on_one_side_or_closed():
    assert where(HOOK) == {"open at the bottom": 2}
    assert where(HOOK[:, ::-1]) == {"open at the top": 2}
    assert where(HOOK.swapaxes(1, 2)) == {"open to the right": 2}
    assert where(HOOK.swapaxes(1, 2)[:, :, ::-1]) == {"open to the left": 2}
    assert where(RING) == {"closed": 1} and where(EIGHT) == {"closed": 2}
    assert where(LINE) == where(EMPTY) == {}


def test_bays_have_a_half_and_a_share_of_the_box():
    three = drawn(".....", ".###.", "...#.", ".###.", "...#.", ".###.", ".....")
    areas = dict(zip(features.NAMES[-10:], features.bay_areas(three)[0]))
    assert {name: area for name, area in areas.items() if area} == {
        "bay open to the left, upper": 2 / 15, "bay open to the left, lower": 2 / 15,
    }


def test_slant_is_the_columns_to_the_right_for_each_row_up():
    leaning = drawn("....#", "...#.", "..#..", ".#...", "#....")
    assert features.slant(leaning) == pytest.approx([1])
    assert features.slant(leaning[:, :, ::-1]) == pytest.approx([-1])
    assert features.slant(LINE) == [0]


def test_strokes_are_counted_with_those_at_the_border():
    both = drawn("#...#", "#...#", "#...#", "#...#", "#...#")
    assert features.strokes_across(both, 0.5) == [2] and features.strokes_down(both, 0.5) == [0]
    assert features.strokes_across(EIGHT, 0.3) == [2] and features.strokes_down(EIGHT, 0.5) == [3]


def test_features_of_nothing_are_harmless():
    assert np.isfinite(features.measured(EMPTY)).all()
    assert features.measured(np.zeros((0, 28, 28), np.uint8)).shape == (0, len(features.NAMES))


def test_most_digits_of_the_sample_have_the_holes_that_people_see():
    images, _ = load("sample")
    labels = images.labels_of()
    # Thin loops break and narrow ones close: 28 x 28 pixels are few, and people do not close each loop.
    for label, count, share in ((0, 1, 0.8), (1, 0, 0.95), (3, 0, 0.9), (7, 0, 0.9), (9, 1, 0.7)):
        chosen = images.images[images.indices[labels == label]]
        assert (features.holes(chosen) == count).mean() >= share, label


def test_datasets_of_features_are_stretched_by_the_training_set_alone():
    images, _ = load("sample")
    training, others = features.as_datasets(images.select(slice(0, 300)), images.select(slice(300, 400)))
    assert training.images.shape == (300, 1, len(features.NAMES)) and training.images.dtype == np.uint8
    assert (training.images.min(axis=0) == 0).all() and (training.images.max(axis=0) == 255).all()
    assert np.array_equal(others.labels_of(), images.labels_of(slice(300, 400)))
    alone = features.as_datasets(images.select(slice(0, 300)))[0]
    assert np.array_equal(alone.images, training.images)


def test_a_training_set_without_images_is_refused():
    images, _ = load("sample")
    with pytest.raises(ValueError, match="without images"):
        features.as_datasets(images.select(slice(0, 0)))


def test_features_that_are_all_the_same_are_no_division_by_zero():
    same = Dataset(np.repeat(RING, 3, axis=0), np.array([0, 0, 0]))
    assert (features.as_datasets(same)[0].images == 0).all()


def test_a_network_learns_from_features():
    images, _ = load("sample")
    parts = features.as_datasets(images.select(slice(0, 1000)), images.select(slice(3600, 4000)))
    settings = Settings(hidden_size=32, epochs=10)
    run = train(build(settings, generators(0).weights, inputs=len(features.NAMES)), *parts, settings)
    for _ in run:
        pass
    assert run.evaluation.accuracy > 0.8
