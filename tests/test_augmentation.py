"""Augmentation: what moves moves exactly, what is off changes nothing, and seeds decide everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mnistlab import Settings
from mnistlab.augmentation import KINDS, Augmenter, augment, gaussian_band, source_matrices, thicken
from mnistlab.settings import TABLE

# A value for each kind that is strong enough to see; alone, and all together.
STRONG = {"shift": 3, "rotate": 30, "scale": 0.3, "shear": 0.4, "thickness": 1, "noise": 0.2, "elastic": 34}
ALL = Settings(**STRONG)
EACH = [Settings(**{kind: value}) for kind, value in STRONG.items()]
each_kind = pytest.mark.parametrize("parameters", [*EACH, ALL], ids=[*STRONG, "all"])
both_types = pytest.mark.parametrize("dtype", [np.uint8, np.float32])


def some_images(count=6, side=28, seed=0, dtype=np.float32):
    """Noise in the middle half of black images, (count, side * side)."""
    images = np.zeros((count, side, side), np.uint8)
    quarter = side // 4
    inner = images[:, quarter : side - quarter, quarter : side - quarter]
    inner[:] = np.random.default_rng(seed).integers(0, 256, inner.shape)
    flat = images.reshape(count, -1)
    return flat if dtype == np.uint8 else (flat / 255).astype(np.float32)


def moved(batch, shift=(0, 0), degrees=0.0, scale=1.0, shear=0.0, field=None):
    """The batch after one resampling with the same exact amounts for each image."""
    count, pixels = batch.shape
    augmenter = Augmenter(Settings())
    augmenter._make_room(count, pixels)
    matrices = source_matrices(
        np.tile(np.array(shift, float)[:, None], count), *(np.full(count, float(v)) for v in (degrees, scale, shear)),
    )
    x = batch.copy()
    augmenter._resample(x, matrices, field)
    return x


def centre_of_mass(batch):
    """(right, down) of each image from its middle, in pixels, (2, b)."""
    side = int(np.sqrt(batch.shape[1]))
    down, right = np.indices((side, side)).reshape(2, -1) - (side - 1) / 2
    return np.stack([batch @ right, batch @ down]) / batch.sum(axis=1)


def dot(right, down, side=28, width=2.0):
    """One smooth bright spot at this place from the middle, (1, pixels)."""
    y, x = np.indices((side, side)) - (side - 1) / 2
    return np.exp(-((x - right) ** 2 + (y - down) ** 2) / (2 * width**2)).reshape(1, -1).astype(np.float32)


# What holds for every kind


@each_kind
@both_types
def test_type_shape_and_range_are_kept_and_the_input_is_left_as_it_is(parameters, dtype):
    batch = some_images(dtype=dtype)
    before = batch.copy()
    batch.flags.writeable = False
    result = augment(batch, parameters, np.random.default_rng(0))
    assert result.dtype == dtype and result.shape == batch.shape
    assert 0 <= result.min() and result.max() <= (255 if dtype == np.uint8 else 1)
    assert np.array_equal(batch, before)
    assert not np.array_equal(result, batch)
    assert not np.shares_memory(result, batch)


amount = {
    name: st.floats(TABLE[name].metadata["low"], TABLE[name].metadata["high"]) for name in (*KINDS, "elastic_sigma")
}


@settings(deadline=None, max_examples=60)
@given(st.fixed_dictionaries(amount), st.integers(1, 5), st.integers(1, 20), st.integers(0, 2**32), st.booleans())
def test_any_parameters_and_sizes_keep_type_shape_and_range(values, count, side, seed, as_bytes):
    rng = np.random.default_rng(seed)
    batch = rng.integers(0, 256, (count, side * side), np.uint8)
    if not as_bytes:
        batch = rng.choice([0, 1, 0.5], batch.shape).astype(np.float32)
    result = augment(batch, Settings(**values), rng)
    assert result.dtype == batch.dtype and result.shape == batch.shape
    assert 0 <= result.min() and result.max() <= (255 if as_bytes else 1)


@both_types
def test_with_everything_off_the_values_are_the_same(dtype):
    batch = np.random.default_rng(0).integers(0, 256, (3, 784)).astype(np.uint8)
    if dtype == np.float32:
        batch = np.random.default_rng(0).random((3, 784), np.float32)
    result = augment(batch, Settings(), np.random.default_rng(0))
    assert np.array_equal(result, batch) and not np.shares_memory(result, batch)


@each_kind
def test_the_same_seed_gives_the_same_images_and_another_seed_others(parameters):
    first, again, other = (augment(some_images(), parameters, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@each_kind
def test_each_image_of_a_batch_and_each_batch_gets_its_own_amount(parameters):
    rng, augmenter = np.random.default_rng(0), Augmenter(parameters)
    same = np.repeat(some_images(1), 3, axis=0)
    first, second = augmenter(same, rng).copy(), augmenter(same, rng)
    rows = [row.tobytes() for row in (*first, *second)]
    assert len(set(rows)) == 6


@each_kind
def test_whatever_is_on_the_generator_is_left_in_the_same_state(parameters):
    used, unused = np.random.default_rng(0), np.random.default_rng(0)
    augment(some_images(), parameters, used)
    augment(some_images(2), Settings(), unused)
    assert used.bit_generator.state == unused.bit_generator.state


def test_a_restored_generator_state_goes_on_with_the_same_images():
    rng = np.random.default_rng(0)
    augment(some_images(), ALL, rng)
    other = np.random.default_rng(99)
    other.bit_generator.state = rng.bit_generator.state
    assert np.array_equal(augment(some_images(), ALL, rng), augment(some_images(), ALL, other))


def test_turning_one_kind_on_leaves_the_draws_of_another_as_they_were():
    batch = dot(0, 0).repeat(8, axis=0)
    shifted = augment(batch, Settings(shift=3), np.random.default_rng(1))
    shifted_and_noisy = augment(batch, Settings(shift=3, noise=1e-4), np.random.default_rng(1))
    assert 0 < np.abs(shifted - shifted_and_noisy).max() < 1e-3
    # A dot in the middle is turned on the spot: only the shift moves its centre.
    turned_too = augment(batch, Settings(shift=3, rotate=90), np.random.default_rng(1))
    assert np.abs(centre_of_mass(turned_too) - centre_of_mass(shifted)).max() < 0.02
    thick_too = augment(batch, Settings(shift=3, thickness=0.5), np.random.default_rng(1))
    assert np.abs(centre_of_mass(thick_too) - centre_of_mass(shifted)).max() < 0.05


def test_a_short_batch_and_a_larger_one_come_out_of_the_same_buffers_unharmed():
    augmenter = Augmenter(ALL)
    for count in (5, 2, 9, 9, 1):
        batch = some_images(count, seed=count)
        first, second = (np.random.default_rng(count) for _ in range(2))
        assert np.array_equal(augmenter(batch, first), augment(batch, ALL, second))
    small = some_images(3, side=12)
    assert np.array_equal(augmenter(small, np.random.default_rng(0)), augment(small, ALL, np.random.default_rng(0)))


@each_kind
def test_bytes_come_out_as_the_floats_rounded_to_whole_greys(parameters):
    as_bytes, as_floats = (
        augment(some_images(dtype=dtype), parameters, np.random.default_rng(3)) for dtype in (np.uint8, np.float32)
    )
    assert np.abs(as_bytes - 255.0 * as_floats).max() < 0.501


def test_the_next_batch_is_written_to_the_same_memory():
    augmenter, rng = Augmenter(ALL), np.random.default_rng(0)
    assert np.shares_memory(augmenter(some_images(4), rng), augmenter(some_images(3), rng))


@pytest.mark.parametrize("kind", KINDS)
def test_the_amount_is_at_most_the_parameter_on_both_sides(kind):
    batch, changes = some_images(40), []
    for share in (0.01, 1.0):
        settings = Settings(**{kind: share * STRONG[kind]})
        changes.append(np.abs(augment(batch, settings, np.random.default_rng(0)) - batch).mean())
    small, large = changes
    assert small < large / 5


def test_every_kind_is_a_setting_that_is_off_by_default_and_may_change_during_a_run():
    assert all(TABLE[kind].default == 0 and TABLE[kind].metadata["live"] for kind in KINDS)
    assert not Augmenter(Settings()).on
    assert all(Augmenter(Settings(**{kind: 0.1})).on for kind in KINDS)


@pytest.mark.parametrize("name, value", [*STRONG.items(), ("elastic_sigma", 8.0)])
def test_a_setting_that_changes_counts_from_the_next_batch_on(name, value):
    changed = Settings(elastic=34)
    augmenter = Augmenter(changed)
    augmenter(some_images(), np.random.default_rng(0))
    setattr(changed, name, value)
    assert np.array_equal(
        augmenter(some_images(), np.random.default_rng(1)),
        augment(some_images(), Settings(**{"elastic": 34, name: value}), np.random.default_rng(1)),
    )


# Shift


@settings(deadline=None, max_examples=50)
@given(st.integers(-28, 28), st.integers(-28, 28))
def test_a_shift_by_whole_pixels_is_exact_and_brings_in_black(right, down):
    batch = np.random.default_rng(0).random((2, 784), np.float32)
    expected = np.zeros((2, 28, 28), np.float32)
    framed = np.pad(batch.reshape(2, 28, 28), ((0, 0), (28, 28), (28, 28)))
    expected = framed[:, 28 - down : 56 - down, 28 - right : 56 - right].reshape(2, -1)
    assert np.array_equal(moved(batch, (right, down)), expected)


def test_half_a_pixel_is_the_mean_of_two_neighbours():
    batch = np.random.default_rng(0).random((1, 25), np.float32)
    image = np.pad(batch.reshape(5, 5), ((0, 0), (1, 0)))
    assert np.allclose(moved(batch, (0.5, 0)).reshape(5, 5), (image[:, :-1] + image[:, 1:]) / 2, atol=1e-6)


def test_the_centre_of_mass_moves_by_the_shift_and_shifts_are_uniform_both_ways():
    batch = some_images(400)
    change = centre_of_mass(augment(batch, Settings(shift=4), np.random.default_rng(0))) - centre_of_mass(batch)
    for way in change:
        assert -4.001 <= way.min() < -3.8 and 3.8 < way.max() <= 4.001
        assert abs(way.mean()) < 0.4 and abs(way.std() - 4 / np.sqrt(3)) < 0.25
    assert abs(np.corrcoef(change)[0, 1]) < 0.2


# Rotation, scale, shear: where a spot goes


@pytest.mark.parametrize("amounts, start, end", [
    ({"degrees": 90}, (6, 0), (0, -6)),  # counterclockwise: from the right to the top
    ({"degrees": -90}, (6, 0), (0, 6)),
    ({"degrees": 180}, (6, 2), (-6, -2)),
    ({"degrees": 30}, (6, 0), (6 * np.cos(np.pi / 6), -3)),
    ({"scale": 1.5}, (3, -2), (4.5, -3)),
    ({"scale": 0.5}, (4, -2), (2, -1)),
    ({"shear": 0.5}, (0, -6), (3, -6)),  # the top goes to the right
    ({"shear": 0.5}, (0, 6), (-3, 6)),
    ({"shear": 0.5}, (5, 0), (5, 0)),
    ({"shift": (2, -3)}, (1, 1), (3, -2)),
    # All at once: sheared to (3, -6), turned to (-6, -3), shrunk to (-3, -1.5), shifted.
    ({"shear": 0.5, "degrees": 90, "scale": 0.5, "shift": (2, 4)}, (0, -6), (-1, 2.5)),
])
def test_a_spot_goes_where_the_geometry_says(amounts, start, end):
    assert np.abs(centre_of_mass(moved(dot(*start), **amounts))[:, 0] - end).max() < 0.03


@pytest.mark.parametrize("turns", [0, 360, -360, 720])
def test_whole_turns_change_nothing_but_rounding(turns):
    batch = np.random.default_rng(0).random((3, 784), np.float32)
    assert np.abs(moved(batch, degrees=turns) - batch).max() < 1e-4


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("side", [28, 9, 2])
def test_quarter_turns_are_those_of_rot90(quarters, side):
    batch = np.random.default_rng(0).random((2, side * side), np.float32)
    expected = np.rot90(batch.reshape(2, side, side), quarters, axes=(1, 2)).reshape(2, -1)
    assert np.abs(moved(batch, degrees=90 * quarters) - expected).max() < 1e-4


@pytest.mark.parametrize("degrees", [-12, 5, 77.5])
def test_a_rotation_is_the_one_pillow_makes(degrees):
    batch = some_images(4, dtype=np.uint8)
    ours = moved((batch / 255).astype(np.float32), degrees=degrees) * 255
    for row, image in zip(ours, batch):
        theirs = Image.fromarray(image.reshape(28, 28)).rotate(degrees, resample=Image.Resampling.BILINEAR)
        assert np.abs(row.reshape(28, 28) - np.asarray(theirs, float)).max() <= 1.01  # they round to whole greys


def test_turning_there_and_back_gives_a_smooth_image_again():
    spot = dot(3, -4, width=3)
    assert np.abs(moved(moved(spot, degrees=25), degrees=-25) - spot).max() < 0.05


@settings(deadline=None, max_examples=50)
@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-180, 180), st.floats(0.2, 1.9), st.floats(-1, 1))
def test_the_source_matrix_undoes_shear_rotation_scale_and_shift(right, down, degrees, scale, shear):
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forward = scale * turn @ np.array([[1, -shear], [0, 1]])
    amounts = np.array([[right], [down]]), np.array([degrees]), np.array([scale]), np.array([shear])
    matrix = source_matrices(*amounts)[:, 0]
    for point in ([0, 0], [3, 0], [0, 5], [-2, 7]):
        there = forward @ point + [right, down]
        assert np.abs(matrix @ [*there, 1] - point).max() < 1e-3


def test_ink_grows_with_the_square_of_the_scale():
    spot = dot(0, 0)
    assert moved(spot, scale=1.5).sum() / spot.sum() == pytest.approx(2.25, rel=0.02)


# Stroke thickness


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=8), st.integers(0, 1000))
def test_more_thickness_never_makes_a_pixel_darker(amounts, seed):
    amounts = np.sort(amounts)
    batch = np.random.default_rng(seed).random((1, 100), np.float32).repeat(len(amounts), axis=0)
    assert (np.diff(thicken(batch, amounts), axis=0) >= -1e-6).all()


def test_ink_grows_strictly_with_thickness_on_a_stroke():
    image = np.zeros((9, 9), np.float32)
    image[2:7, 3:6] = 1
    amounts = np.linspace(-1, 1, 9)
    ink = thicken(image.reshape(1, -1).repeat(9, axis=0), amounts).sum(axis=1)
    # From the 3 pixels inside (5 x 3 without its rim) over 15 to the stroke with its four sides.
    assert ink[0] == 3 and ink[4] == 15 and ink[-1] == 15 + 2 * 5 + 2 * 3
    assert (np.diff(ink) > 0).all()


def test_full_thickness_is_the_brightest_and_the_darkest_of_five_with_black_outside():
    batch = np.random.default_rng(0).random((2, 36), np.float32) + 0.1
    framed = np.pad(batch.reshape(2, 6, 6), ((0, 0), (1, 1), (1, 1)))
    five = [framed[:, 1:-1, 1:-1], framed[:, 2:, 1:-1], framed[:, :-2, 1:-1], framed[:, 1:-1, 2:], framed[:, 1:-1, :-2]]
    bold, thin = (thicken(batch, np.full(2, amount)) for amount in (1.0, -1.0))
    assert np.allclose(bold, np.max(five, axis=0).reshape(2, -1))
    assert np.allclose(thin, np.min(five, axis=0).reshape(2, -1), atol=1e-6)
    half = thicken(batch, np.array([0.5, -0.5]))
    assert np.allclose(half[0], (batch[0] + bold[0]) / 2) and np.allclose(half[1], (batch[1] + thin[1]) / 2)
    assert np.array_equal(thicken(batch, np.zeros(2)), batch)


def test_some_images_become_bolder_and_some_thinner(sample):
    batch = (sample[0].images[:200].reshape(200, -1) / 255).astype(np.float32)
    ratio = augment(batch, Settings(thickness=1), np.random.default_rng(0)).sum(axis=1) / batch.sum(axis=1)
    assert 0.3 < (ratio > 1).mean() < 0.7 and ratio.min() < 0.5 and ratio.max() > 1.4


# Noise


def test_noise_has_its_deviation_and_is_cut_off_at_black_and_white():
    grey = np.full((50, 784), 0.5, np.float32)
    noisy = augment(grey, Settings(noise=0.1), np.random.default_rng(0)) - grey
    assert noisy.std() == pytest.approx(0.1, rel=0.02) and abs(noisy.mean()) < 0.002
    black = augment(np.zeros_like(grey), Settings(noise=0.1), np.random.default_rng(0))
    assert black.min() == 0 and 0.4 < (black > 0).mean() < 0.6


# Elastic distortion


def fields_of(alpha, sigma, count=300, side=28, seed=0):
    """Elastic fields as Augmenter makes them, (2, count, side, side)."""
    augmenter = Augmenter(Settings(elastic=alpha, elastic_sigma=sigma))
    augmenter._make_room(count, side * side)
    return augmenter._elastic_field(count, np.random.default_rng(seed)).copy().reshape(2, count, side, side)


@pytest.mark.parametrize("alpha, sigma", [(34, 4), (8, 2), (100, 4)])
def test_an_elastic_field_has_the_deviation_that_theory_gives_in_the_middle(alpha, sigma):
    # Uniform noise has the variance 1/3; a Gaussian of width sigma leaves 1 / (4 pi sigma^2) of it.
    expected = alpha / np.sqrt(3) / (2 * np.sqrt(np.pi) * sigma)
    middle = fields_of(alpha, sigma, count=2000)[:, :, 13:15, 13:15]
    assert middle.std() == pytest.approx(expected, rel=0.05)
    assert abs(middle.mean()) < 0.1 * expected


def test_an_elastic_field_is_smooth_as_wide_as_sigma_says():
    for sigma in (1.5, 3.0):
        field = fields_of(34, sigma, count=2000)[:, :, 10:18, 10:18]
        # The correlation of Gaussian-smoothed noise at a distance d is exp(-d^2 / (4 sigma^2)).
        for axis in (2, 3):
            near, far = field.take(0, axis).ravel(), field.take(3, axis).ravel()
            assert np.corrcoef(near, far)[0, 1] == pytest.approx(np.exp(-9 / (4 * sigma**2)), abs=0.04)


def test_right_and_down_and_all_images_have_fields_of_their_own():
    field = fields_of(34, 4, count=500)
    assert abs(np.corrcoef(field[0].ravel(), field[1].ravel())[0, 1]) < 0.1
    assert abs(np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]) < 0.1


@pytest.mark.parametrize("side, sigma", [(28, 4.0), (11, 1.3)])
def test_smoothing_equals_a_plain_convolution_with_zeros_outside(side, sigma):
    values = np.random.default_rng(0).random(side)
    weights = np.exp(-0.5 * (np.arange(-side, side + 1) / sigma) ** 2)
    expected = np.convolve(values, weights / weights.sum(), mode="full")[side:-side]
    assert np.allclose(gaussian_band(side, sigma) @ values, expected, atol=1e-6)


def test_a_constant_field_is_a_shift_of_the_source():
    batch = np.random.default_rng(0).random((2, 784), np.float32)
    field = np.zeros((2, 2, 784), np.float32)
    field[0], field[1] = 3, -2
    assert np.array_equal(moved(batch, field=field), moved(batch, (-3, 2)))


def test_an_elastic_distortion_bends_lines_and_keeps_roughly_the_ink(sample):
    batch = (sample[0].images[:200].reshape(200, -1) / 255).astype(np.float32)
    bent = augment(batch, Settings(elastic=34), np.random.default_rng(0))
    assert bent.sum() / batch.sum() == pytest.approx(1, abs=0.1)
    assert 0.02 < np.abs(bent - batch).mean() < 0.15


# Bad input


@pytest.mark.parametrize("batch, sentence", [
    (np.zeros((2, 784)), "is float64; it must be an array of uint8 or float32"),
    ([[0.0]], "is list; it must be an array"),
    (np.zeros((2, 28, 28), np.uint8), "shape \\(2, 28, 28\\); it must be \\(images, pixels\\)"),
    (np.zeros((2, 783), np.uint8), "images square"),
    (np.zeros((2, 0), np.uint8), "images square"),
])
def test_a_batch_of_another_type_or_shape_is_refused(batch, sentence):
    with pytest.raises(ValueError, match=sentence):
        augment(batch, ALL, np.random.default_rng(0))


@pytest.mark.parametrize("value", [np.nan, -0.01, 1.01, np.inf])
def test_floats_that_are_not_from_0_to_1_are_refused_with_their_place(value):
    batch = some_images(3)
    batch[1, 400] = value
    before, rng = batch.copy(), np.random.default_rng(0)
    with pytest.raises(ValueError, match="image 1, pixel 400.*from 0 to 1"):
        augment(batch, ALL, rng)
    assert np.array_equal(batch, before, equal_nan=True)
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_an_empty_batch_stays_empty():
    assert augment(np.zeros((0, 784), np.float32), ALL, np.random.default_rng(0)).shape == (0, 784)
