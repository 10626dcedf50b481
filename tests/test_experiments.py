"""Datasets for experiments: they share images, keep what they should keep, and leave what is given as it is."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import pixels, toy_set

from mnistlab import Settings
from mnistlab.augmentation import Augmenter
from mnistlab.data import Batches, Dataset
from mnistlab.experiments import (
    duplicates, from_floats, hold_out, iterated_k_fold, k_fold, noisy_labels, shuffled_labels, standardised, subset,
    white_noise, with_noise, with_zeros,
)


def rng(seed=0):
    return np.random.default_rng(seed)


def counts(dataset):
    return np.bincount(dataset.labels_of(), minlength=len(dataset.class_names)).tolist()


@pytest.fixture
def part():
    """60 rows of a larger toy set, in another order than the images lie; labels and images cannot be written."""
    whole = toy_set(100, classes=4)
    whole.images.flags.writeable = whole.labels.flags.writeable = False
    return whole.select(rng(9).permutation(100)[:60])


# Less data


def test_a_subset_without_a_generator_is_the_first_images(part):
    assert subset(part, 7).indices.tolist() == part.indices[:7].tolist()
    assert subset(part, 7).images is part.images


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=80), st.data())
def test_a_random_subset_has_the_exact_size_and_of_each_class_its_share(labels, data):
    size = data.draw(st.integers(1, len(labels)))
    whole = Dataset(np.zeros((len(labels), 2, 2), np.uint8), np.array(labels, np.uint8), tuple("abcd"))
    chosen = subset(whole, size, rng(data.draw(st.integers(0, 99))))
    assert len(chosen) == size and len(set(chosen.indices)) == size and chosen.images is whole.images
    assert np.abs(np.array(counts(chosen)) - size / len(labels) * np.array(counts(whole))).max() < 1


def test_a_random_subset_depends_on_the_seed_alone(part):
    chosen = [subset(part, 20, rng(seed)).indices.tolist() for seed in (1, 1, 2)]
    assert chosen[0] == chosen[1] != chosen[2]


@pytest.mark.parametrize("size", [0, 61, -1, 2.5, True, "5"])
def test_a_subset_of_another_size_is_refused(part, size):
    with pytest.raises(ValueError, match=f"subset was given size={size!r}; it must be a whole number from 1 to 60"):
        subset(part, size)


# Wrong labels


def test_shuffled_labels_keep_the_images_and_how_many_there_are_of_each_class(part):
    shuffled = shuffled_labels(part, rng())
    assert shuffled.images is part.images and np.array_equal(shuffled.indices, part.indices)
    assert counts(shuffled) == counts(part)
    # Of 60 labels in 4 classes about a quarter is right by luck.
    assert 5 <= (shuffled.labels_of() == part.labels_of()).sum() <= 28
    outside = np.setdiff1d(np.arange(100), part.indices)
    assert np.array_equal(shuffled.labels[outside], part.labels[outside])


def test_shuffled_labels_depend_on_the_seed_alone(part):
    labels = [shuffled_labels(part, rng(seed)).labels.tolist() for seed in (1, 1, 2)]
    assert labels[0] == labels[1] != labels[2]


def test_an_image_that_is_selected_twice_has_one_label_and_counts_once(part):
    twice = part.select(np.repeat(np.arange(30), 2))
    for changed in (shuffled_labels(twice, rng()), noisy_labels(twice, 0.5, rng())):
        labels = changed.labels_of()
        assert np.array_equal(labels[::2], labels[1::2])
        assert Counter(changed.labels[np.setdiff1d(np.arange(100), twice.indices)]) == Counter(
            part.labels[np.setdiff1d(np.arange(100), twice.indices)]
        )
    assert counts(shuffled_labels(twice, rng())) == counts(twice)
    assert (noisy_labels(twice, 0.5, rng()).labels != part.labels).sum() == 15


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 70), st.integers(2, 5), st.floats(0, 1), st.integers(0, 99))
def test_label_noise_changes_exactly_its_share_each_to_another_class(count, classes, rate, seed):
    whole = toy_set(count, classes)
    noisy = noisy_labels(whole, rate, rng(seed))
    assert (noisy.labels_of() != whole.labels_of()).sum() == round(rate * count)
    assert noisy.labels_of().max() < classes and noisy.labels.dtype == whole.labels.dtype
    assert noisy.images is whole.images


def test_label_noise_chooses_all_other_classes_alike():
    whole = toy_set(4000, classes=4)
    noisy = noisy_labels(whole, 1.0, rng())
    steps = np.bincount((noisy.labels_of() - whole.labels_of()) % 4, minlength=4)
    assert steps[0] == 0 and np.abs(steps[1:] - 4000 / 3).max() < 150


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "0.1", None])
def test_a_label_noise_rate_out_of_range_is_refused(part, rate):
    with pytest.raises(ValueError, match=f"Label noise is {rate!r}; it must be a number from 0 to 1"):
        noisy_labels(part, rate, rng())


def test_label_noise_needs_two_classes():
    with pytest.raises(ValueError, match="needs another class to choose; the classes are 0"):
        noisy_labels(toy_set(4, classes=1), 0.5, rng())


# White noise


def test_white_noise_has_the_labels_and_the_size_but_every_grey_alike():
    whole = toy_set(300, classes=4, side=28).select(slice(None, None, -2))
    noise = white_noise(whole, rng())
    assert noise.images.shape == (150, 28, 28) and noise.images.dtype == np.uint8
    assert noise.labels_of().tolist() == whole.labels_of().tolist() and noise.class_names == whole.class_names
    greys = np.bincount(noise.images.ravel(), minlength=256)
    assert np.abs(greys - noise.images.size / 256).max() < 6 * np.sqrt(noise.images.size / 256)
    assert not np.array_equal(noise.images, white_noise(whole, rng(1)).images)
    assert np.array_equal(noise.images, white_noise(whole, rng()).images)


@pytest.mark.parametrize("below", [lambda whole: with_noise(whole, rng()), with_zeros], ids=["noise", "zeros"])
def test_pixels_that_tell_nothing_are_put_below_the_images(below):
    whole = toy_set(300, classes=4, side=28).select(slice(None, None, -2))
    taller = below(whole)
    assert taller.images.shape == (150, 56, 28) and taller.images.dtype == np.uint8 and taller.inputs == 1568
    assert taller.labels_of().tolist() == whole.labels_of().tolist() and taller.class_names == whole.class_names
    assert np.array_equal(taller.images[:, :28], whole.images[whole.indices])


def test_what_is_put_below_is_noise_or_black():
    whole = toy_set(300, classes=4, side=28)
    noise, black = with_noise(whole, rng()).images[:, 28:], with_zeros(whole).images[:, 28:]
    greys = np.bincount(noise.ravel(), minlength=256)
    assert np.abs(greys - noise.size / 256).max() < 6 * np.sqrt(noise.size / 256) and not black.any()
    assert np.array_equal(noise, with_noise(whole, rng()).images[:, 28:])
    assert not np.array_equal(noise, with_noise(whole, rng(1)).images[:, 28:])


# Standardised inputs


def test_standardised_inputs_have_mean_0_and_deviation_1_over_the_training_set(sample):
    train_set = sample[0].select(np.arange(600, 2100))
    scaled = standardised(train_set)[0]
    batches, parts = Batches(scaled, 128), []
    for start in range(0, 1500, 128):
        parts.append(batches.inputs(slice(start, start + 128)).astype(np.float64))
    inputs = np.concatenate(parts)
    assert abs(inputs.mean()) < 1e-5 and abs(inputs.std() - 1) < 1e-5
    plain = pixels(train_set)
    assert np.allclose(inputs, (plain - plain.mean(dtype=np.float64)) / plain.std(dtype=np.float64), atol=1e-5)


def test_other_sets_are_measured_with_the_mean_and_deviation_of_the_training_set(part):
    bright = Dataset(np.full((3, 4, 4), 255, np.uint8), np.zeros(3, np.uint8))
    train_set, other = standardised(part, bright)
    assert (other.mean, other.deviation) == (train_set.mean, train_set.deviation)
    batch = Batches(other, 3).inputs(slice(None))
    assert batch.dtype == np.float32 and np.allclose(batch, (1 - train_set.mean) / train_set.deviation, rtol=1e-5)


def test_standardising_copies_no_image_and_is_kept_by_selections(part):
    scaled = standardised(part)[0]
    assert scaled.images is part.images and scaled.images.dtype == np.uint8
    assert (part.mean, part.deviation) == (0, 1)
    assert scaled.select(slice(3)).mean == scaled.mean == subset(scaled, 5, rng()).mean
    assert noisy_labels(scaled, 0.5, rng()).deviation == scaled.deviation


def test_a_change_of_a_batch_sees_plain_pixels_before_they_are_standardised(part):
    seen = []

    def inverted(x):
        seen.append(x.copy())
        return 1 - x

    scaled = standardised(part)[0]
    batch = Batches(scaled, 4).inputs(slice(0, 4), inverted)
    plain = pixels(part.select(slice(0, 4)))
    assert np.allclose(seen[0], plain) and batch.dtype == np.float32
    assert np.allclose(batch, (1 - plain - scaled.mean) / scaled.deviation, atol=1e-5)
    assert np.allclose(Batches(part, 4).inputs(slice(0, 4), inverted), 1 - plain)


def test_augmented_inputs_keep_mean_0_and_deviation_1_roughly(sample):
    augmenter, generator = Augmenter(Settings(shift=2, rotate=12)), rng()
    batches = Batches(standardised(sample[0])[0], 1000)
    batch = batches.inputs(slice(0, 1000), lambda x: augmenter(x, generator))
    assert abs(batch.mean()) < 0.05 and abs(batch.std() - 1) < 0.1
    assert np.abs(batch - batches.inputs(slice(0, 1000))).mean() > 0.1


def test_what_cannot_be_standardised_is_refused(part):
    flat = Dataset(np.full((3, 4, 4), 51, np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match="All pixels are 0.2"):
        standardised(flat)
    with pytest.raises(ValueError, match="without images"):
        standardised(part.select(slice(0)))


# Hold-out and k-fold


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 90), st.floats(0, 1, exclude_max=True), st.integers(0, 99))
def test_hold_out_is_disjoint_covers_all_rows_and_has_the_exact_size(count, fraction, seed):
    whole, held = toy_set(count), round(fraction * count)
    if not 0 < held < count:
        with pytest.raises(ValueError, match=f"Of {count} images a share of .* is {held}; both parts"):
            hold_out(whole, fraction, rng(seed))
        return
    rows, held_out = hold_out(whole, fraction, rng(seed))
    assert len(held_out) == held and rows.dtype == held_out.dtype == np.int64
    assert sorted([*rows, *held_out]) == list(range(count))


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 60), st.data())
def test_k_fold_covers_every_row_once_in_parts_of_nearly_equal_size(count, data):
    k, shuffle = data.draw(st.integers(2, count)), data.draw(st.booleans())
    folds = list(k_fold(toy_set(count), k, rng(1) if shuffle else None))
    assert len(folds) == k
    for rows, held_out in folds:
        assert sorted([*rows, *held_out]) == list(range(count))
        assert rows.dtype == held_out.dtype == np.int64
    sizes = [len(held_out) for _, held_out in folds]
    assert max(sizes) - min(sizes) <= 1
    validated = np.concatenate([held_out for _, held_out in folds])
    assert sorted(validated) == list(range(count))
    if not shuffle:
        assert validated.tolist() == list(range(count))


def test_k_fold_with_a_generator_shuffles_by_the_seed_alone(part):
    first, again, other = ([held.tolist() for _, held in k_fold(part, 3, rng(seed))] for seed in (1, 1, 2))
    assert first == again != other
    assert first[0] != sorted(first[0])


def test_rows_select_from_the_set_they_were_made_for(part):
    rows, held_out = next(k_fold(part, 6, rng()))
    chosen = part.select(rows), part.select(held_out)
    assert len(chosen[0]) == 50 and len(chosen[1]) == 10
    assert sorted([*chosen[0].indices, *chosen[1].indices]) == sorted(part.indices)


def test_iterated_k_fold_shuffles_anew_and_covers_all_rows_in_each_iteration(part):
    pairs = list(iterated_k_fold(part, 5, 3, rng()))
    assert len(pairs) == 15
    orders = [np.concatenate([held for _, held in pairs[i : i + 5]]).tolist() for i in (0, 5, 10)]
    assert all(sorted(order) == list(range(60)) for order in orders)
    assert orders[0] != orders[1] != orders[2] != orders[0]
    for rows, held_out in pairs:
        assert sorted([*rows, *held_out]) == list(range(60))


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.integers(0, 99))
def test_the_folds_together_give_back_every_label_in_its_place(count, seed):
    whole = toy_set(count)
    restored = np.full(count, -1)
    for _, held_out in k_fold(whole, min(count, 7), rng(seed)):
        restored[held_out] = whole.labels_of(held_out)
    assert np.array_equal(restored, whole.labels_of())


@pytest.mark.parametrize("k", [61, 1, 0, -3, 2.5, True])
@pytest.mark.parametrize(
    "folds", [k_fold, lambda part, k: iterated_k_fold(part, k, 2, rng())], ids=["once", "iterated"]
)
def test_a_k_that_does_not_fit_is_refused_at_once(part, folds, k):
    with pytest.raises(ValueError, match=f"k_fold was given k={k!r}; it must be a whole number from 2 to 60"):
        folds(part, k)


def test_sizes_are_whole_numbers_of_any_type(part):
    for two in 2.0, np.float32(2), np.int64(2):
        assert len(subset(part, two)) == len(list(k_fold(part, two))) == 2


@pytest.mark.parametrize("iterations", [0, -1, 1.5])
def test_less_than_one_iteration_is_refused_at_once(part, iterations):
    with pytest.raises(ValueError, match=f"was given iterations={iterations}; it must be a whole number of at least 1"):
        iterated_k_fold(part, 5, iterations, rng())


@pytest.mark.parametrize("fraction", [-0.5, 1, 1.5, float("nan"), "half"])
def test_a_share_out_of_range_is_refused(part, fraction):
    sentence = f"hold_out was given fraction={fraction!r}; it must be at least 0 and below 1"
    with pytest.raises(ValueError, match=sentence):
        hold_out(part, fraction, rng())


# Duplicates


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 5), max_size=12), st.lists(st.integers(0, 5), max_size=12))
def test_duplicates_are_all_pairs_of_rows_with_the_same_pixels(first, second):
    images = rng().integers(0, 256, (6, 3, 3), np.uint8)
    whole = Dataset(images, np.zeros(6, np.uint8))
    copies = Dataset(images.copy(), np.ones(6, np.uint8))
    pairs = duplicates(whole.select(np.array(first, int)), copies.select(np.array(second, int)))
    assert pairs.dtype == np.int64 and pairs.shape == (len(pairs), 2)
    assert [tuple(p) for p in pairs] == [(i, j) for i, a in enumerate(first) for j, b in enumerate(second) if a == b]


def test_one_grey_level_is_a_difference():
    images = np.zeros((2, 3, 3), np.uint8)
    images[1, 2, 2] = 1
    whole = Dataset(images, np.zeros(2, np.uint8))
    assert duplicates(whole.select(slice(0, 1)), whole.select(slice(1, 2))).shape == (0, 2)


def test_the_official_sets_share_no_image_and_a_planted_one_is_found(official):
    train_set, test_set = official
    few = train_set.select(np.arange(0, 60_000, 20))
    assert len(duplicates(few, test_set)) == 0
    leak = train_set.select(np.array([7, 59_980, 13]))
    assert duplicates(few, leak).tolist() == [[2999, 1]]


def test_images_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 4\) and of \(5, 5\)"):
        duplicates(toy_set(3, side=4), toy_set(3, side=5))


# Images given as floats


def test_floats_become_the_nearest_grey():
    images = np.array([0, 0.001, 0.499, 0.5, 1]).reshape(5, 1, 1)
    made = from_floats(images, np.arange(5))
    assert made.images.ravel().tolist() == [0, 0, 127, 128, 255] and made.images.dtype == np.uint8
    assert made.labels_of().tolist() == [0, 1, 2, 3, 4]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.sampled_from([np.float32, np.float64]))
def test_bytes_survive_the_way_over_floats(seed, dtype):
    whole = toy_set(5, seed=seed)
    again = from_floats((whole.images / 255).astype(dtype), whole.labels, whole.class_names)
    assert np.array_equal(again.images, whole.images) and np.array_equal(again.labels, whole.labels)


@pytest.mark.parametrize("value", [float("nan"), -0.1, 1.5, float("inf")])
def test_a_pixel_that_is_not_from_0_to_1_is_refused_with_its_place(value):
    images = np.zeros((4, 3, 3), np.float32)
    images[2, 0, 1] = value
    before = images.copy()
    with pytest.raises(ValueError, match=r"A pixel is .* at \(2, 0, 1\)"):
        from_floats(images, np.zeros(4, int))
    assert np.array_equal(images, before, equal_nan=True)


@pytest.mark.parametrize("labels, sentence", [
    ([0, 1, 10], "Image 2 has the label 10; 10 classes go from 0 to 9"),
    ([0, -1, 1], "Image 1 has the label -1; 10 classes go from 0 to 9"),
    ([0.0, 1.0, 2.0], "3 images need a label each, a whole number; got float64"),
    ([0, 1], r"3 images need a label each, a whole number; got int64 \(2,\)"),
])
def test_labels_that_do_not_fit_are_refused(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        from_floats(np.zeros((3, 2, 2)), np.array(labels))
