"""What is not like the training images: measured on digits held out, and on things that are no digits."""

import io
import tracemalloc
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from mnistlab import Settings, build, generators, train, training_split
from mnistlab.data import Dataset
from mnistlab.images import prepare
from mnistlab.losses import softmax
from mnistlab.novelty import Novelty, edge_directions
from mnistlab.presets import preset

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LETTERS = "ACDEFHJKLMNPQRTUVWXY"  # the capitals that nobody reads as a digit


@pytest.fixture(scope="module")
def parts(sample):
    return training_split(sample[0], Settings(), generators(0).split)


@pytest.fixture(scope="module")
def novelty(parts):
    return Novelty(*parts)


def share_novel(novelty, images):
    return float((novelty.scores(np.stack(images)) > novelty.threshold).mean())


def as_prepared(canvas):
    content = io.BytesIO()
    canvas.save(content, "PNG")
    return prepare(content.getvalue()).pixels


def rendered(text, font):
    canvas = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(canvas).text((80, 40), text, font=ImageFont.truetype(FONTS / f"{font}.ttf", 160), fill=0)
    return as_prepared(canvas)


def drawing(lines, round_ones, width):
    canvas = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(canvas)
    for line in lines:
        pen.line(line, fill=0, width=width, joint="curve")
    for box in round_ones:
        pen.ellipse(box, outline=0, width=width)
    return as_prepared(canvas)


WHISKERS = [[(150, 150 + dy), (150 + dx, 150 + 2 * dy)] for dx in (-130, 130) for dy in (-25, 0, 25)]
DRAWINGS = {
    "a cat's face": (WHISKERS, [(80, 80, 220, 220)]),
    "a house": ([[(70, 250), (70, 140), (150, 60), (230, 140), (230, 250), (70, 250)], [(70, 140), (230, 140)]], []),
    "a window": ([[(60, y), (240, y)] for y in (60, 150, 240)] + [[(x, 60), (x, 240)] for x in (60, 150, 240)], []),
    "an arrow": ([[(50, 150), (250, 150)], [(180, 90), (250, 150), (180, 210)]], []),
    "a fish": ([[(200, 150), (260, 100), (260, 200), (200, 150)]], [(50, 100, 210, 200)]),
}


def test_about_as_many_digits_as_promised_are_called_novel(novelty, sample):
    held_out = sample[1]
    assert 0 < novelty.false_alarms <= 0.1 and novelty.measured_on == 200
    assert 0.02 < share_novel(novelty, held_out.images[held_out.indices]) < 0.1


def test_with_more_images_the_promise_is_kept_more_exactly(official):
    novelty = Novelty(*training_split(official[0], Settings(), generators(0).split), false_alarm_rate=0.1)
    assert novelty.measured_on == 2000 and abs(novelty.false_alarms - 0.1) < 0.02


def test_drawings_are_not_like_the_training_images(novelty):
    assert share_novel(novelty, [drawing(*parts, width) for parts in DRAWINGS.values() for width in (8, 12, 20)]) >= 0.8


def test_noise_and_negatives_are_not_like_the_training_images(novelty, sample):
    rng = np.random.default_rng(1)
    assert share_novel(novelty, rng.integers(0, 256, (100, 28, 28), np.uint8)) == 1
    assert share_novel(novelty, 255 - sample[1].images[-100:]) == 1


def test_most_letters_and_digits_on_their_heads_are_found_where_softmax_finds_few(novelty, parts, sample):
    settings = Settings()
    preset("quick").apply(settings)
    network = build(settings, generators(0).weights)
    for _ in train(network, *parts, settings):
        pass

    def confidence(images):
        return softmax(network.forward(images.reshape(len(images), -1).astype(np.float32) / 255)).max(axis=1)

    # The baseline of Hendrycks and Gimpel (2017), with as many false alarms on the validation set.
    floor = np.quantile(confidence(parts[1].images[parts[1].indices]), 0.05)
    letters = np.stack([rendered(c, font) for c in LETTERS for font in ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono")])
    digits = sample[1].images[sample[1].indices[np.isin(sample[1].labels_of(), (3, 4, 7))]]
    for images in (letters, digits[:, ::-1, ::-1]):
        found = share_novel(novelty, images)
        assert found > 0.7 and found > (confidence(images) < floor).mean() + 0.2


def test_printed_digits_are_mostly_like_the_training_images(novelty):
    fonts = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic")
    assert share_novel(novelty, [rendered(digit, font) for digit in "0123456789" for font in fonts]) < 0.3


def test_a_training_image_is_its_own_nearest_and_scores_nothing(novelty, parts):
    train_set = parts[0]
    for row in (0, 17, 3599):
        assert novelty.score(train_set.image(row)) < 1e-2 and not novelty.is_novel(train_set.image(row))
        assert novelty.nearest(train_set.image(row))[0] == row


def test_the_nearest_training_images_of_a_digit_are_mostly_the_same_digit(novelty, parts, sample):
    held_out = sample[1]
    found = [parts[0].labels_of(novelty.nearest(held_out.image(row), 3)) for row in range(200)]
    assert (np.array(found) == held_out.labels_of(slice(0, 200))[:, None]).mean() > 0.9


def test_the_same_generator_gives_the_same_answers(parts):
    first, again = (Novelty(*parts, rng=np.random.default_rng(4)) for _ in range(2))
    assert (first.threshold, first.false_alarms) == (again.threshold, again.false_alarms)


def test_a_large_set_is_never_copied_as_floats(official):
    parts = training_split(official[0], Settings(), generators(0).split)
    tracemalloc.start()
    try:
        novelty = Novelty(*parts)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50e6 and held < 10e6  # 54,000 images as floats are 169 MB
    assert novelty.nearest(parts[0].image(0), 5).max() < 54_000


def test_only_the_direction_of_edges_counts_not_their_strength():
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[0, 8:20, 12:16] = 200
    assert np.allclose(edge_directions(bar), edge_directions(bar // 2), atol=1e-6)
    edges = edge_directions(bar)[0].reshape(7, 7, 8)
    assert edges[3, 2:5].sum() == pytest.approx(edges[3].sum(), rel=1e-5)  # only beside the bar
    assert edges[3, 2, [0, 4]].argmax() == 0 and edges[3, 4, [0, 4]].argmax() == 1  # brighter to the right, then darker
    assert np.linalg.norm(edges) == pytest.approx(1)
    assert not edge_directions(np.zeros((2, 28, 28), np.uint8)).any()


@pytest.mark.parametrize("rate", [-0.1, 0.6, float("nan")])
def test_an_impossible_rate_is_refused(parts, rate):
    with pytest.raises(ValueError, match="false-alarm rate"):
        Novelty(*parts, false_alarm_rate=rate)


def test_too_few_images_and_images_of_another_size_are_refused(parts, novelty):
    with pytest.raises(ValueError, match="at least 10 and 20"):
        Novelty(parts[0], parts[1].select(slice(0, 19)))
    with pytest.raises(ValueError, match=r"\(28, 28\)"):
        novelty.score(np.zeros((32, 32), np.uint8))
    with pytest.raises(ValueError, match="uint8"):
        novelty.score(np.zeros((28, 28)))


def test_few_images_of_another_size_are_enough():
    images = np.random.default_rng(0).integers(0, 256, (40, 9, 13), np.uint8)
    whole = Dataset(images, np.zeros(40, np.uint8), ("a",))
    novelty = Novelty(whole.select(slice(0, 20)), whole.select(slice(20, 40)))
    assert novelty.measured_on == 10 and novelty.score(images[3]) < 1e-2
