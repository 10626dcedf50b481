"""Is an image like the training images at all? A network answers a drawing of a cat with a digit, and is often sure.

The score of an image is its distance to the most similar training image (nearest neighbours tell what a network has
not seen: Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors"). Images are compared by the
direction of their edges in each small square, as in histograms of oriented gradients (Dalal and Triggs 2005): pixels
themselves would tell thick strokes from thin ones rather than digits from other things.
"""

import numpy as np

DIRECTIONS, CELL = 8, 4
FEATURES = 64
REFERENCES, CALIBRATION = 10_000, 2_000
CHUNK = 256


class Novelty:
    """What the training images look like, and from which score on an image counts as not like them.

    train_set, validation_set: Datasets of images of one size; false_alarm_rate: the share of ordinary images that may
    be called novel by mistake, 0 to 0.5.

    Of a large training set 10,000 images drawn at random are kept, as 64 numbers each. One half of the validation set
    (at most 2,000 images) sets `threshold`; on the other half `false_alarms`, the share called novel, is measured.
    The network plays no part, so nothing changes while it trains. rng: a numpy Generator that draws the images; the
    same one gives the same threshold. Raises ValueError for a rate that is not from 0 to 0.5, for fewer than 10
    training or 20 validation images, and for images of another size.
    """

    def __init__(self, train_set, validation_set, false_alarm_rate=0.05, rng=None):
        if not 0 <= false_alarm_rate <= 0.5:
            raise ValueError(f"The false-alarm rate is {false_alarm_rate!r}; it must be a number from 0 to 0.5.")
        if len(train_set) < 10 or len(validation_set) < 20:
            raise ValueError(
                f"There are {len(train_set)} training and {len(validation_set)} validation images; to tell what is "
                "unlike them takes at least 10 and 20."
            )
        rng = np.random.default_rng(0) if rng is None else rng
        self.shape = train_set.images.shape[1:]
        # In a fixed order, so that `nearest` may be asked for rows of the training set.
        self._rows = np.sort(rng.permutation(len(train_set))[:REFERENCES])
        edges = _in_chunks(edge_directions, train_set, self._rows)
        self._mean = edges.mean(axis=0)
        edges -= self._mean
        # The principal components: the directions in which the training images differ most.
        _, axes = np.linalg.eigh(edges.T @ edges)
        self._axes = np.ascontiguousarray(axes[:, ::-1][:, :FEATURES])
        self._references = edges @ self._axes
        self._lengths = np.square(self._references).sum(axis=1)
        chosen = rng.permutation(len(validation_set))[: 2 * CALIBRATION]
        halves = [_in_chunks(self.scores, validation_set, half) for half in (chosen[::2], chosen[1::2])]
        self.threshold = float(np.quantile(halves[0], 1 - false_alarm_rate))
        self.false_alarms = float((halves[1] > self.threshold).mean())
        self.measured_on = len(halves[1])

    def score(self, pixels):
        """The distance of one image, uint8 (rows, columns), to the most similar training image; 0 for a copy of one."""
        return float(self.scores(pixels[None])[0])

    def scores(self, images):
        """The scores of many images, uint8 (n, rows, columns): float32 (n,), from 0 up.

        Raises ValueError for images of another size or type than the training images.
        """
        scores = np.empty(len(images), np.float32)
        for start in range(0, len(images), CHUNK):
            part = slice(start, start + CHUNK)
            scores[part] = np.sqrt(self._squares(images[part]).min(axis=1))
        return scores

    def is_novel(self, pixels):
        """Whether one image, uint8 (rows, columns), is farther from all training images than `threshold`."""
        return self.score(pixels) > self.threshold

    def nearest(self, pixels, count=1):
        """The rows of the training set's `count` images most similar to this one, the most similar first: int64."""
        return self._rows[np.argsort(self._squares(pixels[None])[0], kind="stable")[:count]]

    def _squares(self, images):
        """Squared distances to the references, (n, references)."""
        if images.shape[1:] != self.shape or images.dtype != np.uint8:
            raise ValueError(
                f"Images must be uint8 of {self.shape} pixels, as the training images are; got {images.dtype} of "
                f"{images.shape[1:]}."
            )
        points = (edge_directions(images) - self._mean) @ self._axes
        # |a - b|^2 = |a|^2 - 2ab + |b|^2: one matrix product instead of a difference for every pair.
        squares = points @ self._references.T
        squares *= -2
        squares += self._lengths
        squares += np.square(points).sum(axis=1)[:, None]
        return np.maximum(squares, 0, out=squares)


def edge_directions(images):
    """How much edge of each of 8 directions is in each square of 4 x 4 pixels: float32 (n, squares * 8) of length 1.

    images: uint8 (n, rows, columns); rows and columns beyond a multiple of 4 are left out. An edge counts for the two
    directions next to its own, the nearer one more. Roots keep a few strong edges from drowning the others.
    """
    n, high, wide = len(images), images.shape[1] // CELL, images.shape[2] // CELL
    y = np.pad(images[:, : high * CELL, : wide * CELL].astype(np.float32), ((0, 0), (2, 2), (2, 2)))
    for axis in (1, 2):  # a slight blur, 1 2 1 each way: edges of sampled strokes are jagged
        y = _shifted(y, axis, 0) + 2 * _shifted(y, axis, 1) + _shifted(y, axis, 2)
    down = (_shifted(y, 1, 2) - _shifted(y, 1, 0))[:, :, 1:-1]
    across = (_shifted(y, 2, 2) - _shifted(y, 2, 0))[:, 1:-1]
    image, row, column = np.nonzero((down != 0) | (across != 0))
    down, across = down[image, row, column], across[image, row, column]
    turn = np.arctan2(down, across) * (DIRECTIONS / (2 * np.pi))
    lower = np.floor(turn)
    share, strength = turn - lower, np.hypot(down, across)
    place = ((image * high + row // CELL) * wide + column // CELL) * DIRECTIONS
    direction = lower.astype(np.int64) % DIRECTIONS
    size = n * high * wide * DIRECTIONS
    sums = np.bincount(place + direction, strength * (1 - share), size)
    sums += np.bincount(place + (direction + 1) % DIRECTIONS, strength * share, size)
    edges = np.sqrt(sums).astype(np.float32).reshape(n, -1)
    return edges / np.maximum(np.linalg.norm(edges, axis=1, keepdims=True), np.float32(1e-6))


def _shifted(values, axis, by):
    """All but two of the places along an axis, beginning with `by`."""
    cut = [slice(None)] * values.ndim
    cut[axis] = slice(by, values.shape[axis] - 2 + by)
    return values[tuple(cut)]


def _in_chunks(measure, dataset, rows):
    """measure(images) for these rows of a Dataset, a few hundred at a time."""
    parts = [measure(dataset.images[dataset.indices[rows[i : i + CHUNK]]]) for i in range(0, len(rows), CHUNK)]
    return np.concatenate(parts)
