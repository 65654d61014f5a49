"""A small classifier, trained on the spot: which classes generated images have, and features to compare them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from otgan.checks import FloatArray, as_count, as_points
from otgan.errors import InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.gan.data import Data
from otgan.gan.dcgan import trunk, trunk_size
from otgan.gan.weights import drawn
from otgan.measures import DiscreteMeasure
from otgan.quality.extractor import Extractor

#: Numbers of the last hidden layer: the features.
FEATURES = 64
#: Of Adam, at the start; it falls linearly.
LEARNING_RATE = 2e-3
#: Images that are classified at a time.
CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained classifier of images.

    A Fréchet distance in its features is none between those of Inception, and so no FID.

    Attributes:
        shape: Of one image, (c, h, w).
        classes: Labels, (k,), in order.
        accuracy: Share of the held-out mass whose label it says.
        body: Flat images, in units of its own, to features.
        head: Features to the logarithms of probabilities, up to a constant.
        centre: What is taken away from pixels first, in units of the data.
        scale: What they are divided by then.
    """

    shape: tuple[int, ...]
    classes: NDArray[Any]
    accuracy: float
    body: nn.Module
    head: nn.Module
    centre: float
    scale: float

    @property
    def extractor(self) -> Extractor:
        """What this is, in words."""
        return Extractor(f"a small classifier, right about {self.accuracy:.1%} of held-out images")

    def features(self, points: Any) -> FloatArray:
        """The last hidden layer, (n, 64), float64.

        Args:
            points: Flat images, (n, D), in units of the data.

        Raises:
            InvalidShapeError: If points are of another size than those that it was trained on.
        """
        return self._evaluate(self.body, points)

    def probabilities(self, points: Any) -> FloatArray:
        """Of each class, (n, k), float64, for flat images (n, D); rows sum to one.

        Raises:
            InvalidShapeError: As in `features`.
        """
        logits = self._evaluate(nn.Sequential(self.body, self.head), points)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def labels(self, points: Any) -> NDArray[Any]:
        """The likeliest class of each flat image, (n,).

        Raises:
            InvalidShapeError: As in `features`.
        """
        return self.classes[self.probabilities(points).argmax(axis=1)]

    @torch.no_grad()
    def _evaluate(self, network: nn.Module, points: Any) -> FloatArray:
        x = as_points("points", points)
        size = int(np.prod(self.shape))
        if x.shape[1] != size:
            raise InvalidShapeError("points", f"have shape (n, {size})", x.shape, "give flat images of the same size")
        parts = [network(_tensor(x[k : k + CHUNK], self.centre, self.scale)) for k in range(0, len(x), CHUNK)]
        return torch.cat(parts).numpy().astype(np.float64)


def train_classifier(data: Data, seed: int = 0, *, steps: int = 150, batch_size: int = 128) -> Classifier:
    """Train a convolutional classifier on labelled images; seconds, for small ones.

    Args:
        data: Images, with labels, of at least two classes.
        seed: Of weights and batches; the same seed gives the same classifier, with the same number of threads.
        steps: Of Adam.
        batch_size: Images in a batch.

    Returns:
        The classifier, with its accuracy on what is held out.

    Raises:
        InvalidTypeError: If it is no `Data`, or its measures are no points.
        InvalidValueError: If it has no labels, or only one class.
        InvalidShapeError: If points are no images of a size that `otgan.gan.dcgan.halvings` accepts, or labels are not
            one for each point.
    """
    train, held_out, labels = _read(data)
    classes = np.unique(labels[0])
    if len(classes) < 2:
        raise InvalidValueError("labels", "have at least two classes", f"{len(classes)}", "give images of more classes")
    steps, batch_size = as_count("steps", steps), as_count("batch_size", batch_size)
    rng = np.random.default_rng(seed)
    centre, scale = float(train.points.mean()), float(train.points.std()) or 1.0
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in the middle of
        images = _tensor(train.points, centre, scale)
        body = drawn(
            lambda: nn.Sequential(*trunk(data.shape, 0.0), nn.Linear(trunk_size(data.shape), FEATURES), nn.ReLU()), seed
        )
        head = drawn(lambda: nn.Linear(FEATURES, len(classes)), seed + 1)
        weights = [*body.parameters(), *head.parameters()]
        optimizer = torch.optim.Adam(weights, LEARNING_RATE)
        places = torch.from_numpy(np.searchsorted(classes, labels[0]))
        for step in range(steps):
            rows = torch.from_numpy(rng.choice(len(train), batch_size, p=train.weights))
            loss = nn.functional.cross_entropy(head(body(images[rows])), places[rows])
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - step / steps)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    for network in (body, head):
        network.eval().requires_grad_(False)
    found = Classifier(data.shape, classes, 0.0, body, head, centre, scale).labels(held_out.points)
    accuracy = float(held_out.weights @ (found == labels[1]))
    return Classifier(data.shape, classes, accuracy, body, head, centre, scale)


def _read(data: Data) -> tuple[DiscreteMeasure, DiscreteMeasure, tuple[NDArray[Any], NDArray[Any]]]:
    if not isinstance(data, Data):
        raise InvalidTypeError("data", "be a Data", type(data).__name__, "call get_data first")
    train, held_out = data.train, data.held_out
    if not (isinstance(train, DiscreteMeasure) and isinstance(held_out, DiscreteMeasure)):
        raise InvalidTypeError("data", "be made of points", data.name, "give images, such as get_data('digits')")
    if data.labels is None:
        raise InvalidValueError("labels", "be given", "None", "give Data with the classes of its images")
    labels = (np.asarray(data.labels[0]), np.asarray(data.labels[1]))
    for points, of_points in zip((train, held_out), labels, strict=True):
        if of_points.shape != (len(points),):
            raise InvalidShapeError("labels", f"be one for each point, ({len(points)},)", of_points.shape, "pair them")
    return train, held_out, labels


def _tensor(points: FloatArray, centre: float, scale: float) -> Tensor:
    return torch.from_numpy((points - centre) / scale).float()
