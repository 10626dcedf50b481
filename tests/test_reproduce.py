"""What the source texts print is what comes out here."""

import pytest

from mnistlab import reproduce

NAMES = list(reproduce.CLAIMS)


@pytest.mark.parametrize("name", NAMES)
def test_each_published_result_holds_on_the_official_files(official, name):
    (outcome,) = reproduce.reproduce(*official, [name])
    assert outcome.verdict == "holds", outcome
    assert outcome.name == name and outcome.seconds > 0
    assert outcome.as_dict()["got"] == outcome.got


def test_another_dataset_is_found_out(sample):
    """A verdict that could not be "missed" would say nothing: held-out images stand in for the test set."""
    outcomes = list(reproduce.reproduce(*sample, ["shapes", "labels", "tutorial", "mended"]))
    assert [outcome.verdict for outcome in outcomes] == ["missed"] * 4
    assert outcomes[0].got == "4,000 and 1,000 images of 28 x 28 bytes"


def test_images_that_can_be_learned_are_no_noise(official, monkeypatch):
    """The measures of learning by heart notice what is not random."""
    monkeypatch.setattr(reproduce, "white_noise", lambda dataset, rng: dataset)
    (outcome,) = reproduce.reproduce(*official, ["white-noise"])
    assert outcome.verdict == "missed"


def test_channels_that_are_black_in_both_runs_make_no_difference(official, monkeypatch):
    monkeypatch.setattr(reproduce, "with_noise", lambda dataset, rng: reproduce.with_zeros(dataset))
    train_set, test_set = official
    (outcome,) = reproduce.reproduce(train_set.select(slice(0, 2_000)), test_set, ["noise-channels"])
    assert outcome.verdict == "missed" and outcome.got.endswith(" 0.0 points less")


def test_other_images_than_the_label_errors_are_no_better_found_than_by_chance(official, monkeypatch):
    others = {number + 1: error for number, error in reproduce.MNIST_TEST.items()}
    monkeypatch.setattr(reproduce, "MNIST_TEST", others)
    train_set, test_set = official
    (outcome,) = reproduce.reproduce(train_set.select(slice(0, 5_000)), test_set, ["label-errors"])
    assert outcome.verdict == "missed"


def test_an_unknown_name_is_refused_with_the_names_there_are(sample):
    with pytest.raises(ValueError, match="no result 'alexnet'.*shapes, labels, tutorial, mended"):
        reproduce.reproduce(*sample, ["alexnet"])
