import dataclasses

import numpy as np
import pytest
import torch

from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.gan.classifier import train_classifier
from otgan.gan.data import Data, get_data
from otgan.measures import DiscreteMeasure, empirical


@pytest.fixture(scope="module")
def digits():
    datasets = pytest.importorskip("sklearn.datasets")
    pixels, labels = datasets.load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(pixels))
    held_out, train = rows[:450], rows[450:]
    measures = (empirical(pixels[part] / 16) for part in (train, held_out))
    return Data("digits", *measures, (1, 8, 8), (labels[train].astype(float), labels[held_out].astype(float)))


@pytest.fixture(scope="module")
def classifier(digits):
    return train_classifier(digits, seed=0, steps=150)


def test_digits_that_were_held_out_are_told_apart(classifier, digits):
    points, labels = digits.held_out.points, digits.labels[1]
    assert classifier.accuracy >= 0.95
    assert np.mean(classifier.labels(points) == labels) == pytest.approx(classifier.accuracy)
    assert classifier.classes.tolist() == list(range(10))


def test_probabilities_and_features_are_those_of_each_image(classifier, digits):
    points = digits.held_out.points[:50]
    chances, features = classifier.probabilities(points), classifier.features(points)
    assert chances.dtype == features.dtype == np.float64
    assert chances.shape == (50, 10)
    assert features.shape == (50, 64)
    assert chances.sum(axis=1) == pytest.approx(np.ones(50))
    assert classifier.features(points[7:8]) == pytest.approx(features[7:8], abs=1e-4)  # float32, sums of 1,000 terms
    assert classifier.classes[chances.argmax(axis=1)].tolist() == classifier.labels(points).tolist()


def test_the_seed_decides_and_nothing_else_is_drawn(digits):
    before = torch.get_rng_state()
    one, again, other = (train_classifier(digits, seed, steps=2) for seed in (1, 1, 2))
    points = digits.held_out.points[:5]
    assert (one.probabilities(points) == again.probabilities(points)).all()
    assert (one.probabilities(points) != other.probabilities(points)).any()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_caller_who_wants_no_gradients_gets_the_same(digits):
    with torch.inference_mode():
        within = train_classifier(digits, 1, steps=2)
    points = digits.held_out.points[:5]
    assert (within.probabilities(points) == train_classifier(digits, 1, steps=2).probabilities(points)).all()


def test_masses_count():
    """Both sides hold an image of each class that the other calls by the other name; mass decides who is believed."""
    images = np.repeat(np.eye(64)[:2], 2, axis=0)
    labels = np.array([0.0, 1.0, 1.0, 0.0])
    mostly = DiscreteMeasure(images, [0.45, 0.05, 0.45, 0.05])
    data = Data("pairs", mostly, mostly, (1, 8, 8), (labels, labels))
    found = train_classifier(data, steps=60, batch_size=32)
    assert found.labels(np.eye(64)[:2]).tolist() == [0.0, 1.0]
    assert found.accuracy == pytest.approx(0.9)


def test_data_without_classes_are_refused(digits):
    with pytest.raises(InvalidTypeError, match=r"data must be a Data, got ndarray; call get_data first"):
        train_classifier(digits.train.points)
    with pytest.raises(InvalidTypeError, match=r"data must be made of points, got 8gaussians"):
        train_classifier(get_data("8gaussians"))
    with pytest.raises(InvalidValueError, match=r"labels must be given, got None"):
        train_classifier(dataclasses.replace(digits, labels=None))
    with pytest.raises(InvalidValueError, match=r"labels must have at least two classes, got 1"):
        train_classifier(dataclasses.replace(digits, labels=tuple(np.zeros_like(part) for part in digits.labels)))
    with pytest.raises(InvalidShapeError, match=r"labels must be one for each point, \(1347,\), got \(1346,\)"):
        train_classifier(dataclasses.replace(digits, labels=(digits.labels[0][1:], digits.labels[1])))


def test_images_of_another_size_are_refused(classifier):
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 64\)"):
        classifier.features(np.zeros((3, 49)))
