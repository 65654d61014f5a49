"""Inception by a stand-in of torch-fidelity's class, with its signature, its checks and its way of reading a file."""

from __future__ import annotations

import hashlib
import math
import sys
import types
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from otgan.errors import FileFormatError, InvalidShapeError, InvalidTypeError, InvalidValueError, MissingDependencyError
from otgan.gan import JudgedRun, inception
from otgan.gan.data import Data
from otgan.gan.evaluate import evaluate
from otgan.gan.inception import Inception
from otgan.measures import empirical
from otgan.quality import class_score, frechet_distance, quality
from otgan.report.gan import gan_quantities

MODULE = "torch_fidelity.feature_extractor_inceptionv3"


class StandIn(nn.Module):
    """Features are the mean of each channel, and its means along the first row and the first column."""

    batches: tuple[int, ...] = ()

    def __init__(
        self,
        name,
        features_list,
        feature_extractor_weights_path=None,
        feature_extractor_internal_dtype=None,
        **kwargs,
    ):
        super().__init__()
        assert isinstance(name, str)
        assert feature_extractor_weights_path is not None, "would download"
        self.features_list = features_list
        self.fc = nn.Linear(9, 20)  # draws random numbers, as the real one does
        self.load_state_dict(torch.load(feature_extractor_weights_path, weights_only=False))

    def forward(self, x):
        assert x.dtype == torch.uint8
        assert x.dim() == 4
        assert x.shape[1] == 3
        assert not torch.is_grad_enabled()
        type(self).batches += (len(x),)
        x = x.float()
        features = torch.cat([x.mean((2, 3)), x[:, :, 0].mean(2), x[:, :, :, 0].mean(2)], dim=1)
        known = {"2048": features, "logits_unbiased": features.mm(self.fc.weight.T)}
        return tuple(known[name] for name in self.features_list)


@pytest.fixture(autouse=True)
def package(monkeypatch):
    module = types.ModuleType(MODULE)
    module.FeatureExtractorInceptionV3 = StandIn
    monkeypatch.setitem(sys.modules, "torch_fidelity", types.ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, MODULE, module)
    monkeypatch.setattr(StandIn, "batches", ())


@pytest.fixture
def weights(tmp_path):
    rng = np.random.default_rng(0)
    state = {"fc.weight": torch.from_numpy(rng.normal(size=(20, 9)) / 50), "fc.bias": torch.ones(20)}
    path = tmp_path / inception.WEIGHTS
    torch.save(state, path)
    return path


@pytest.fixture
def published(weights, monkeypatch):
    """The file passes for the published one."""
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(weights.read_bytes()).hexdigest())
    return weights


def summaries(images):
    """What the stand-in sees of images (n, 3, h, w)."""
    return np.concatenate([images.mean((2, 3)), images[:, :, 0].mean(2), images[:, :, :, 0].mean(2)], axis=1)


def test_images_go_in_with_channels_rows_and_columns_in_their_places(weights):
    images = np.random.default_rng(1).integers(256, size=(40, 3, 4, 5))
    found = Inception((3, 4, 5), weights).features(images.reshape(40, -1) / 255)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, summaries(images), rtol=1e-6)  # in float32
    assert StandIn.batches == (32, 8)


def test_grey_becomes_three_equal_channels_and_values_are_rounded_to_bytes(weights):
    values = np.array([[-3.0, 0.0, 0.49 / 255, 0.51 / 255], [1.0, 7.0, 254.4 / 255, 254.6 / 255]])
    found = Inception((1, 2, 2), weights).features(values)
    bytes_ = np.array([[0, 0, 0, 1], [255, 255, 254, 255]]).reshape(2, 1, 2, 2).repeat(3, axis=1)
    np.testing.assert_allclose(found, summaries(bytes_), rtol=1e-6)


def test_probabilities_are_of_the_logits_without_bias(weights):
    points = np.random.default_rng(2).random((5, 12))
    model = Inception((3, 2, 2), weights)
    logits = model.features(points) @ torch.load(weights, weights_only=True)["fc.weight"].numpy().T
    odds = np.exp(logits)
    found = model.probabilities(points)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, odds / odds.sum(1, keepdims=True), rtol=1e-4)
    assert found.sum(1) == pytest.approx(np.ones(5), abs=1e-14)


def test_two_samples_are_kept(weights):
    model = Inception((1, 2, 2), weights)
    x, y, z = np.random.default_rng(3).random((3, 6, 4))
    first = model.features(x)
    for points in (x, y, y, x, z, z, x):
        model.probabilities(points)
    assert len(StandIn.batches) == 3
    model.features(y)
    assert len(StandIn.batches) == 4
    assert (model.features(x) == first).all()


def test_nothing_is_drawn(weights):
    before = torch.get_rng_state()
    Inception((1, 2, 2), weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_with_the_published_weights_the_numbers_have_their_names(published):
    images = np.random.default_rng(4).random((120, 12))
    data = Data("squares", empirical(images[:60]), empirical(images[60:]), (3, 2, 2))
    model = Inception(data.shape, published)
    found = evaluate(empirical(images[:60] ** 2), data, classifier=model, n=60)
    assert found.extractor is model.extractor
    assert model.extractor.is_inception
    assert {"fid", "real_fid", "inception_score"} <= set(found.numbers)
    assert not {"frechet", "real_frechet", "class_score"} & set(found.numbers)
    features = model.features(images[60:]), model.features(images[:60] ** 2)
    assert found.numbers["fid"] == pytest.approx(frechet_distance(*features).value, rel=1e-9)
    assert found.generated.classes.splits == 10
    text = "\n".join(found.lines)
    assert "\nFID " in text
    assert "\nInception score " in text
    assert f"features of torch-fidelity's Inception, {inception.WEIGHTS}" in text
    assert "FID of 60 points a side is larger than that of more" in text
    assert "singular" not in text
    rows = {row.name: row for row in gan_quantities(JudgedRun(None, found.numbers, math.nan, images, found.extractor))}
    assert rows["FID"].meaning.endswith(f"Looked at through torch-fidelity's Inception, {inception.WEIGHTS}.")
    assert float(rows["Inception score"].value) == pytest.approx(found.numbers["inception_score"], rel=1e-3)
    assert not {"Fréchet distance of features", "Class score"} & set(rows)
    few = quality(images[:8], images[8:16], second_real=images[16:24], features=model.features,
                  extractor=model.extractor)  # fmt: skip
    assert "and of no more than its 9 features singular" in few.lines[-1]


def test_with_other_weights_they_have_not(weights):
    images = np.random.default_rng(5).random((40, 12))
    model = Inception((3, 2, 2), weights)
    assert not model.extractor.is_inception
    found = quality(
        images[:20], images[20:], features=model.features, probabilities=model.probabilities, extractor=model.extractor
    )
    assert {"frechet", "class_score"} <= set(found.numbers)
    assert not {"fid", "inception_score"} & set(found.numbers)
    assert found.generated.classes.splits == 1
    assert "FID" not in "\n".join(found.lines)
    assert "features of torch-fidelity's Inception with other weights, " in found.lines[-1]


def test_a_score_needs_its_points_and_an_extractor_what_it_extracts(published):
    images = np.random.default_rng(6).random((27, 12))
    model = Inception((3, 2, 2), published)
    with pytest.raises(
        InvalidValueError, match="generated must be at least 10, the parts of an Inception score, got 9"
    ):
        quality(images[:9], images[9:], second_real=images[9:], extractor=model.extractor,
                probabilities=model.probabilities)  # fmt: skip
    with pytest.raises(InvalidTypeError, match="extractor must be an Extractor, got str"):
        quality(images[:9], images[9:], extractor="Inception")
    with pytest.raises(InvalidValueError, match=r"extractor must come with features or probabilities, got .*Inception"):
        quality(images[:9], images[9:], extractor=model.extractor)


def test_the_hub_cache_is_looked_up_and_nothing_else(weights, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    with pytest.raises(
        FileFormatError, match=rf"got None and no .*{inception.WEIGHTS}; fetch https://github.com/toshas/"
    ):
        Inception((1, 2, 2))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    weights.rename(tmp_path / "hub" / "checkpoints" / inception.WEIGHTS)
    assert Inception((1, 2, 2)).features(np.ones((1, 4))).shape == (1, 9)


def test_without_the_package(weights, monkeypatch):
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(MissingDependencyError, match=r"needs torch-fidelity and torchvision.*'otgan\[inception\]'"):
        Inception((1, 2, 2), weights)


class _Code:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_that_holds_code_is_not_run(tmp_path):
    trap = tmp_path / "was-run"
    torch.save({"fc.weight": _Code(trap)}, tmp_path / "hostile.pth")
    with pytest.raises(FileFormatError, match="must hold tensors and nothing else, got UnpicklingError"):
        Inception((1, 2, 2), tmp_path / "hostile.pth")
    assert not trap.exists()


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        ([torch.ones(2)], "must hold a dictionary of tensors, got list"),
        ({"fc.weight": "text"}, "must hold a dictionary of tensors"),
        ({"fc.weight": torch.ones(20, 9)}, "must hold the weights of this network, got Error.* loading state_dict"),
    ],
)
def test_other_weights_are_refused(state, rule, tmp_path):
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(FileFormatError, match=f"{rule}.*; give the file {inception.WEIGHTS} from https"):
        Inception((1, 2, 2), tmp_path / "other.pth")


def test_files_that_cannot_be_read_are_refused(weights, tmp_path, monkeypatch):
    for path, why in (
        (tmp_path / "none.pth", "No such file"), (tmp_path, "Is a directory"), ("a\0b", "embedded null"),
    ):  # fmt: skip
        with pytest.raises(FileFormatError, match=f"must be readable, got {why}"):
            Inception((1, 2, 2), path)
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", bytes(100_000))
    size = weights.stat().st_size
    monkeypatch.setattr(inception, "MAX_BYTES", size)
    with pytest.raises(FileFormatError, match=f"must unpack to at most {size} bytes, got 100000"):
        Inception((1, 2, 2), tmp_path / "bomb.pth")
    monkeypatch.setattr(inception, "MAX_BYTES", size - 1)
    with pytest.raises(FileFormatError, match=f"must have at most {size - 1} bytes, got {size}"):
        Inception((1, 2, 2), weights)


def test_shapes_are_checked(weights):
    for shape in ((28, 28), (2, 8, 8), 64):
        with pytest.raises(InvalidShapeError, match=r"shape must be .* with 1 or 3 channels, got"):
            Inception(shape, weights)
    with pytest.raises(InvalidShapeError, match=r"points must have shape \(n, 4\), got \(3, 5\)"):
        Inception((1, 2, 2), weights).features(np.ones((3, 5)))
    with pytest.raises(InvalidValueError, match="device must be one that is here, got 'nowhere'"):
        Inception((1, 2, 2), weights, device="nowhere")


def test_parts_of_the_score():
    """Two certain classes in each half, of four in all."""
    rows = np.eye(4)[[0, 1, 0, 1, 2, 3, 2, 3]]
    assert class_score(rows).value == pytest.approx(4)
    assert class_score(rows, splits=2).value == pytest.approx(2)
    assert class_score(rows, splits=8).value == pytest.approx(1)
    with pytest.raises(InvalidValueError, match=r"splits must be .* got 9"):
        class_score(rows, splits=9)
