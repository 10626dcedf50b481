"""Measures of a network, each against a plain computation of its own."""

import math

import numpy as np
import pytest
from toys import finished, pixels, toy_run, toy_set

from mnistlab import Dense, Evaluation, Network, evaluate, majority_baseline

RNG = np.random.default_rng(0)
LOGITS = (4 * RNG.standard_normal((60, 5))).astype(np.float32)
LABELS = RNG.integers(0, 4, 60)  # class 4 is never a label, but is predicted
EVALUATION = Evaluation(LOGITS, LABELS)


def plain_probabilities(row):
    exponentials = [math.exp(value) for value in row.tolist()]
    return [value / sum(exponentials) for value in exponentials]


PROBABILITIES = [plain_probabilities(row) for row in LOGITS]
PREDICTIONS = [row.index(max(row)) for row in PROBABILITIES]
LOSSES = [-math.log(row[label]) for row, label in zip(PROBABILITIES, LABELS.tolist())]


def test_loss_is_the_mean_over_the_images():
    assert EVALUATION.losses == pytest.approx(LOSSES, rel=1e-4, abs=1e-6)
    assert EVALUATION.loss == pytest.approx(sum(LOSSES) / 60, rel=1e-5)


def test_squared_error_is_measured_when_asked_for():
    targets = [[float(k == label) for k in range(5)] for label in LABELS]
    expected = sum((z - t) ** 2 for row, target in zip(LOGITS.tolist(), targets) for z, t in zip(row, target)) / 60
    assert Evaluation(LOGITS, LABELS, "squared-error").loss == pytest.approx(expected, rel=1e-5)


def test_an_unknown_loss_is_refused():
    with pytest.raises(ValueError, match="no loss"):
        Evaluation(LOGITS, LABELS, "hinge")


def test_accuracy_is_the_share_of_right_predictions():
    right = sum(given == label for given, label in zip(PREDICTIONS, LABELS))
    assert 0 < right < 60
    assert EVALUATION.accuracy == right / 60


def test_probabilities_are_the_softmax_of_the_logits():
    np.testing.assert_allclose(EVALUATION.probabilities, PROBABILITIES, rtol=1e-4, atol=1e-7)


def test_the_confusion_matrix_counts_actual_labels_in_rows_and_predictions_in_columns():
    expected = [[0] * 5 for _ in range(5)]
    for label, given in zip(LABELS, PREDICTIONS):
        expected[label][given] += 1
    assert EVALUATION.confusion_matrix.tolist() == expected
    assert expected != np.transpose(expected).tolist()


def test_the_confusion_matrix_sums_to_the_number_of_images_and_its_diagonal_to_the_right_ones():
    assert EVALUATION.confusion_matrix.sum() == 60
    assert np.trace(EVALUATION.confusion_matrix) / 60 == EVALUATION.accuracy


def test_top_losses_are_the_worst_images_worst_first():
    expected = sorted(range(60), key=lambda row: -LOSSES[row])[:12]
    assert [mistake.index for mistake in EVALUATION.top_losses(12)] == expected


def test_a_top_loss_tells_image_prediction_label_loss_and_probability_as_plain_numbers():
    for mistake in EVALUATION.top_losses(12):
        row = mistake.index
        assert (mistake.prediction, mistake.actual) == (PREDICTIONS[row], LABELS[row])
        assert mistake.loss == pytest.approx(LOSSES[row], rel=1e-4)
        assert mistake.probability == pytest.approx(PROBABILITIES[row][PREDICTIONS[row]], rel=1e-4)
        assert [type(value) for value in vars(mistake).values()] == [int, int, int, float, float]


def test_top_losses_of_all_images_hold_every_image_and_every_class_once_in_falling_order():
    mistakes = EVALUATION.top_losses(1000)
    assert sorted(mistake.index for mistake in mistakes) == list(range(60))
    losses = [mistake.loss for mistake in mistakes]
    assert losses == sorted(losses, reverse=True)
    assert sorted(mistake.actual for mistake in mistakes) == sorted(LABELS.tolist())


def test_top_losses_with_equal_loss_come_in_the_order_of_the_dataset():
    evaluation = Evaluation(np.zeros((5, 3), np.float32), np.array([0, 1, 2, 0, 1]))
    assert [mistake.index for mistake in evaluation.top_losses(4)] == [0, 1, 2, 3]


def test_top_losses_tell_sure_mistakes_apart_where_probabilities_cannot():
    logits = np.zeros((3, 2), np.float32)
    logits[:, 1] = [200, 2000, 1000]
    top = Evaluation(logits, np.zeros(3, int)).top_losses(3)
    assert [(mistake.index, mistake.loss, mistake.probability) for mistake in top] == [
        (1, 2000, 1), (2, 1000, 1), (0, 200, 1)
    ]


def test_precision_is_the_share_of_right_ones_among_the_predictions_of_a_class():
    for k in range(5):
        right = [given == label for given, label in zip(PREDICTIONS, LABELS) if given == k]
        assert EVALUATION.precision[k] == sum(right) / len(right)


def test_recall_is_the_share_of_right_ones_among_the_images_of_a_class():
    for k in range(4):
        right = [given == label for given, label in zip(PREDICTIONS, LABELS) if label == k]
        assert EVALUATION.recall[k] == sum(right) / len(right)


@pytest.mark.filterwarnings("error")
def test_precision_and_recall_are_nan_where_there_is_nothing_to_divide():
    assert math.isnan(EVALUATION.recall[4])  # no image has label 4
    always_one = Evaluation(np.tile(np.float32([0, 1, 0]), (4, 1)), np.array([0, 1, 1, 2]))
    assert always_one.precision.tolist() == pytest.approx([math.nan, 0.5, math.nan], nan_ok=True)
    assert always_one.recall.tolist() == [0, 1, 0]


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9, 0.99])
def test_a_threshold_answers_the_sure_images_and_measures_accuracy_among_them(threshold):
    sure = [row for row in range(60) if max(PROBABILITIES[row]) >= threshold]
    coverage, accuracy = EVALUATION.answered(threshold)
    assert 0 < len(sure) <= 60 and coverage == len(sure) / 60
    assert accuracy == pytest.approx(sum(PREDICTIONS[row] == LABELS[row] for row in sure) / len(sure))


@pytest.mark.filterwarnings("error")
def test_a_threshold_of_zero_answers_all_and_one_out_of_reach_none():
    assert EVALUATION.answered(0) == (1, EVALUATION.accuracy)
    coverage, accuracy = EVALUATION.answered(1.01)
    assert coverage == 0 and math.isnan(accuracy)


def test_a_probability_at_the_threshold_is_sure_enough():
    halves = Evaluation(np.float32([[3, 3], [5, 0]]), np.array([0, 1]))
    assert halves.answered(0.5) == (1, 0.5)


def test_top_losses_of_one_class_are_the_worst_of_that_class():
    expected = sorted((row for row in range(60) if LABELS[row] == 2), key=lambda row: -LOSSES[row])
    assert [mistake.index for mistake in EVALUATION.top_losses(5, label=2)] == expected[:5]
    assert [mistake.index for mistake in EVALUATION.top_losses(1000, label=2)] == expected
    assert EVALUATION.top_losses(5, label=0)[0].actual == 0  # 0 is a class, not "no filter"
    assert EVALUATION.top_losses(5, label=4) == []


def test_every_cell_of_the_confusion_matrix_opens_its_images_worst_first():
    for actual in range(5):
        for given in range(5):
            rows = [row for row in range(60) if (LABELS[row], PREDICTIONS[row]) == (actual, given)]
            found = EVALUATION.confused(actual, given)
            assert found.tolist() == sorted(rows, key=lambda row: -LOSSES[row])
            assert len(found) == EVALUATION.confusion_matrix[actual, given]


def test_mistakes_tell_of_the_rows_asked_for_in_their_order():
    rows = EVALUATION.confused(1, 1)
    assert len(rows) > 1
    found = EVALUATION.mistakes(rows)
    assert [(m.index, m.actual, m.prediction) for m in found] == [(row, 1, 1) for row in rows]
    assert EVALUATION.mistakes(rows[:0]) == []


def test_evaluate_runs_the_network_without_dropout_on_every_image():
    # More images than one chunk holds, and the last chunk short.
    images = toy_set(1100, seed=1)
    run = finished(toy_run(toy_set(50), images, dropout_rate=0.5))
    evaluation = evaluate(run.network, images)
    expected = run.network.forward(pixels(images))
    np.testing.assert_allclose(evaluation.logits, expected, rtol=1e-4, atol=1e-5)
    assert evaluation.accuracy == np.mean(expected.argmax(axis=1) == images.labels_of())


def test_evaluate_numbers_images_by_their_row_in_the_selection():
    images = toy_set(60, seed=1)
    network = toy_run(images, images).network
    backwards = images.select(np.arange(59, 9, -1))
    losses, whole = evaluate(network, backwards).losses, evaluate(network, images).losses
    np.testing.assert_allclose(losses, whole[59:9:-1], rtol=1e-5)


def test_evaluate_leaves_the_network_as_it_is():
    images = toy_set(60)
    network = toy_run(images, images).network
    before = network.parameters.copy()
    evaluate(network, images)
    assert np.array_equal(network.parameters, before)


@pytest.mark.filterwarnings("error")
def test_a_network_that_has_diverged_is_measured_without_a_warning():
    images = toy_set(60)
    network = toy_run(images, images).network
    network.parameters[:] = 3e38
    assert not np.isfinite(evaluate(network, images).loss)


def test_the_majority_baseline_always_answers_the_most_frequent_training_label():
    assert majority_baseline(np.array([3, 1, 3, 2, 3, 1]), np.array([1, 1, 1, 3])) == 0.25


def test_the_majority_baseline_of_the_sample_is_about_a_tenth(sample):
    training, held_out = (part.labels_of() for part in sample)
    most_frequent = max(range(10), key=training.tolist().count)
    assert majority_baseline(training, held_out) == held_out.tolist().count(most_frequent) / 1000


def test_a_set_without_images_or_that_does_not_fit_the_network_is_refused():
    network = Network([Dense(16, 3)], np.random.default_rng(0))
    for dataset, sentence in (
        (toy_set(3).select(slice(0, 0)), "no images in this set"),
        (toy_set(5, side=5), "25 pixels; the network expects 16"),
        (toy_set(5, classes=4), "4 classes; the network knows 3"),
    ):
        with pytest.raises(ValueError, match=sentence):
            evaluate(network, dataset)


@pytest.mark.parametrize("labels, sentence", [
    ([0, 3], "Image 1 has the label 3; 3 classes go from 0 to 2"), ([-1, 2], "Image 0 has the label -1; 3 classes"),
    ([0], r"2 images need a label each, a whole number; got int64 \(1,\)"),
])
def test_labels_that_do_not_belong_to_the_logits_are_refused(labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        Evaluation(np.zeros((2, 3), np.float32), np.array(labels))


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
def test_where_there_is_no_image_labels_are_whole_numbers_too(loss):
    with pytest.raises(ValueError, match=r"0 images need a label each, a whole number; got float64 \(0,\)"):
        Evaluation(np.zeros((0, 3), np.float32), [], loss)
    assert len(Evaluation(np.zeros((0, 3), np.float32), np.zeros(0, int), loss).losses) == 0


def test_many_classes_fit_into_a_confusion_matrix():
    labels = np.arange(30, dtype=np.uint8)
    assert (Evaluation(np.eye(30), labels).confusion_matrix == np.eye(30)).all()


def test_a_network_in_float64_is_refused():
    network = Network([Dense(16, 3)], np.random.default_rng(0), np.float64)
    with pytest.raises(ValueError, match="Images become float32; the network computes in float64"):
        evaluate(network, toy_set(5))


@pytest.mark.parametrize("training_labels, labels", [([], [1]), ([1], []), ([], [])])
def test_a_baseline_without_labels_is_refused(training_labels, labels):
    with pytest.raises(ValueError, match=f"there are {len(training_labels)} training labels and {len(labels)} to"):
        majority_baseline(np.array(training_labels, int), np.array(labels, int))
