"""The published label errors of MNIST's test set, against the official files."""

from mnistlab.label_errors import MNIST_TEST


def test_each_image_has_the_label_in_the_official_test_set_that_the_study_was_given(official):
    labels = official[1].labels
    assert {index: int(labels[index]) for index in MNIST_TEST} == {k: error.given for k, error in MNIST_TEST.items()}


def test_the_list_is_that_of_the_paper_fifteen_of_which_ten_can_be_corrected():
    assert len(MNIST_TEST) == 15
    assert sum(error.corrected is not None for error in MNIST_TEST.values()) == 10
    assert MNIST_TEST[6651].corrected == 6 and MNIST_TEST[2130].corrected is None and MNIST_TEST[9679].corrected is None


def test_of_five_people_fewer_than_three_chose_the_label_of_mnist():
    for error in MNIST_TEST.values():
        assert error.for_given + error.for_guess + error.for_neither == 5
        assert error.for_given < 3 and error.guess != error.given and 0 <= error.guess <= 9
        assert error.corrected in (None, error.guess)
