"""The benchmark of Korotin et al.: its rays, its published values, and its files."""

import io
import math
import os
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from otgan import pairs
from otgan.errors import FileFormatError, InvalidShapeError, InvalidTypeError, InvalidValueError
from otgan.pairs.funnels import Cones, Funnels

DIMS, COUNTS = (2, 4, 8, 16, 32, 64, 128), (4, 16, 64, 256)


@pytest.fixture
def published():
    path = os.environ.get("OTGAN_FUNNELS")
    if not path or not Path(path).is_file():
        pytest.skip("set OTGAN_FUNNELS to an .npz with the published centers_D_N and biases_D_N to run this test")
    return path


families = st.tuples(st.integers(1, 12), st.integers(1, 40), st.integers(0, 10**6), st.floats(1.01, 12))


@settings(max_examples=60, deadline=None)
@given(families, st.booleans())
def test_u_grows_at_rate_one_from_x_to_y(family, mirrored):
    pair = (pairs.max_funnels if mirrored else pairs.funnels)(*family)
    x, y = pair.sample_plan(200, np.random.default_rng(0))
    near, far = (y, x) if mirrored else (x, y)
    rise = pair.cones.values(far) - pair.cones.values(near)
    np.testing.assert_allclose(rise, np.linalg.norm(x - y, axis=1), atol=1e-10)
    np.testing.assert_allclose(pair.potential(x) - pair.potential(y), np.linalg.norm(x - y, axis=1), atol=1e-10)
    assert np.abs(far).max() <= 2.5
    assert np.abs(near).max() <= 2.5 + 1e-12


@settings(max_examples=60, deadline=None)
@given(families)
def test_the_active_cone_changes_at_up(family):
    cones = pairs.funnels(*family).cones
    y = np.random.default_rng(0).uniform(-2.5, 2.5, size=(100, cones.dim))
    rays = cones.rays(y)

    def lowest(share):
        at = rays.centre + (share * rays.length)[:, None] * rays.direction
        values = cdist(at, cones.centres) + cones.biases
        own = np.linalg.norm(at - rays.centre, axis=1) + cones.biases[own_index]
        return at, own - values.min(axis=1)

    own_index = np.argmin(cdist(rays.centre, cones.centres), axis=1)
    for share in (1e-3, 0.5, 1 - 1e-9):
        at, lag = lowest(share)
        assert (lag <= 1e-11).all()
        assert np.abs(at).max() <= 2.5 + 1e-12
    at, lag = lowest(1 + 1e-6)
    outside = np.abs(at).max(axis=1) > 2.5
    # Where two cones touch at a small angle the other one leads by less than rounding can show.
    assert ((lag > 0) | outside | (lag > -1e-12)).all()
    assert (lag > 0)[~outside].mean() > 0.99 if (~outside).any() else True
    np.testing.assert_array_equal(rays.up_by_cube | (lag > -1e-12), True)


@settings(max_examples=30, deadline=None)
@given(families)
def test_the_gradient_matches_finite_differences_inside_the_ray(family):
    pair = pairs.funnels(*family)
    x, y = pair.sample_plan(50, np.random.default_rng(1))
    middle = (x + y) / 2
    centre = pair.cones.centres[pair.cones.active(middle)]
    values = np.sort(cdist(middle, pair.cones.centres) + pair.cones.biases, axis=1)
    lead = values[:, 1] - values[:, 0] if values.shape[1] > 1 else np.full(len(x), np.inf)
    step = 1e-6
    # Away from the apex and from the next cone; there the third derivative is at most 3 / 0.1².
    inside = (np.linalg.norm(middle - centre, axis=1) > 0.1) & (lead > 4 * step)
    gradient = pair.potential_gradient(middle)[inside]
    for k in range(pair.dim):
        e = step * np.eye(pair.dim)[k]
        slope = (pair.potential(middle[inside] + e) - pair.potential(middle[inside] - e)) / (2 * step)
        np.testing.assert_allclose(gradient[:, k], slope, atol=1e-8)


def test_near_and_on_an_apex():
    pair = pairs.funnels(2, 16, seed=5)
    apex = pair.cones.centres
    active = pair.cones.active(apex) == np.arange(16)
    assert active.any()
    assert not pair.potential_gradient(apex[active]).any()
    shifted = apex[active] + [1e-12, 0.0]
    np.testing.assert_allclose(pair.potential_gradient(shifted), np.tile([-1.0, 0.0], (active.sum(), 1)), atol=1e-3)
    np.testing.assert_allclose(pair.potential(shifted) + pair.cones.biases[active], -1e-12, atol=1e-15)
    x, _ = pairs.funnels(2, 4, degree=12).sample_plan(100_000, np.random.default_rng(0))
    assert np.isfinite(pairs.funnels(2, 4, degree=12).potential_gradient(x)).all()


def test_values_are_exact_where_cones_tie_near_an_apex():
    """A cone whose apex the next one touches: cancellation in ‖x‖² − 2⟨x, a⟩ + ‖a‖² must not choose for it."""
    cones = Cones([[1.0, 2.0], [2.0, 2.0]], [1.0, 0.0])
    rng = np.random.default_rng(0)
    x = np.array([1.0, 2.0]) + 1e-9 * rng.normal(size=(1000, 2))
    truth = (cdist(x, cones.centres) + cones.biases).min(axis=1)
    np.testing.assert_allclose(cones.values(x), truth, atol=1e-15)


def test_samples_do_not_start_on_the_centres():
    """The same seed for the family and for its samples must not make the two alike."""
    pair = pairs.funnels(2, 8, seed=0)
    gaps = cdist(pair.sample_target(1000, np.random.default_rng(0)), pair.cones.centres)
    assert gaps.min() > 1e-4


def test_the_mirror_swaps_the_sides():
    cones = pairs.funnels(3, 8, seed=1).cones
    one, other = (Funnels(cones, 8, mirrored=flag, origin="test") for flag in (False, True))
    x, y = one.sample_plan(50, np.random.default_rng(0))
    np.testing.assert_array_equal(other.sample_plan(50, np.random.default_rng(0)), (y, x))
    np.testing.assert_array_equal(one.potential(x), -other.potential(x))
    assert one.w1 == other.w1


@pytest.mark.parametrize(("dim", "n", "degree"), [(1, 3, 8), (2, 4, 8), (3, 20, 2.5), (32, 8, 8)])
def test_w1_is_the_mean_cost_of_the_plan(dim, n, degree):
    pair = pairs.funnels(dim, n, seed=9, degree=degree)
    x, y = pair.sample_plan(100_000, np.random.default_rng(99))
    cost = np.linalg.norm(x - y, axis=1)
    error = math.hypot(cost.std() / math.sqrt(len(cost)), pair.w1.width / 6)
    assert abs(cost.mean() - (pair.w1.lower + pair.w1.upper) / 2) <= 4 * error
    assert "seed 0" in pair.source_reference
    assert "n = " in pair.source_reference


def test_one_cone_in_one_dimension_by_hand():
    """A single funnel at a: E ‖up − a‖ = (L² + R²) / 5 for the arms L and R, and W1 = 7 / (2 · 9) of it."""
    pair = pairs.funnels(1, 1, seed=0)
    a = pair.cones.centres[0, 0]
    truth = 7 / 18 * ((2.5 - a) ** 2 + (2.5 + a) ** 2) / 5
    assert truth in pair.w1


def test_memory_stays_small():
    tracemalloc = pytest.importorskip("tracemalloc")
    pair = pairs.funnels(128, 256)
    y = np.random.default_rng(0).uniform(-2.5, 2.5, size=(20_000, 128))
    tracemalloc.start()
    pair.potential(y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6  # a (20 000, 256, 128) array alone would take 5 GB


BAD = [
    (lambda: pairs.funnels(0), InvalidValueError, "dim must be at least 1"),
    (lambda: pairs.funnels(2, 0), InvalidValueError, "n_funnels must be between 1 and 8192"),
    (lambda: pairs.funnels(2, 4, seed=-1), InvalidValueError, "seed must be at least 0"),
    (lambda: pairs.funnels(2, 4, degree=1), InvalidValueError, r"degree must be in \(1, inf\)"),
    (lambda: pairs.max_funnels(2.0), InvalidTypeError, "dim must be an integer"),
    (lambda: Cones([[0.0, 3.0]], [0.0]), InvalidValueError, "centres must lie in the cube"),
    (lambda: Cones([[0.0, 1.0]], [0.0, 1.0]), InvalidShapeError, r"biases must have shape \(1,\)"),
    (lambda: Cones([[0.0, np.nan]], [0.0]), InvalidValueError, "centres must be finite"),
]


@pytest.mark.parametrize(("call", "error", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Files


def as_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def sound(dim=3, n=5):
    rng = np.random.default_rng(0)
    return {
        f"centers_{dim}_{n}": rng.uniform(-2.5, 2.5, size=(n, dim)).astype(np.float32),
        f"biases_{dim}_{n}": 0.1 * rng.normal(size=n).astype(np.float32),
    }


def test_npz_and_torch_files_hold_the_same_pair(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = sound()
    state = {"net.centers": torch.tensor(arrays["centers_3_5"]), "net.bias": torch.tensor(arrays["biases_3_5"])}
    torch.save(state, tmp_path / "pair.pt")
    as_npz(tmp_path / "pairs.npz", **arrays, **sound(2, 4))
    for name in ("pair.pt", "pairs.npz"):
        pair = pairs.load_funnels(tmp_path / name, 3, 5)
        np.testing.assert_array_equal(pair.cones.centres, arrays["centers_3_5"].astype(float))
        np.testing.assert_array_equal(pair.cones.biases, arrays["biases_3_5"].astype(float))
        assert pair.degree == 8
        assert name in pair.source_reference
    assert pairs.load_funnels(tmp_path / "pairs.npz").dim == 2
    assert pairs.get_pair("funnels", dim=3, n_funnels=5, path=tmp_path / "pair.pt").dim == 3
    with pytest.raises(FileFormatError, match="check dim and n_funnels"):
        pairs.load_funnels(tmp_path / "pair.pt", 2, 5)


def test_parameters_of_a_trained_network_carry_gradients(tmp_path):
    torch = pytest.importorskip("torch")
    centres = torch.nn.Parameter(torch.zeros(2, 3))
    torch.save({"net.centers": centres, "net.bias": torch.nn.Parameter(torch.zeros(2))}, tmp_path / "pair.pt")
    assert pairs.load_funnels(tmp_path / "pair.pt", 3, 2).dim == 3


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


def bomb(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (5, 3)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("centers_3_5", "biases_3_5"):
            archive.writestr(f"{name}.npy", header.getvalue() + bytes(2**25))


def damaged(path):
    as_npz(path, **sound())
    path.write_bytes(path.read_bytes()[:-200])


HOSTILE = {
    "nothing there": (lambda path: None, "cannot be read"),
    "a folder": (lambda path: path.mkdir(), "cannot be read"),
    "empty": (lambda path: path.write_bytes(b""), "does not hold funnels"),
    "noise": (lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), "does not hold funnels"),
    "cut off": (damaged, "does not hold funnels"),
    "another pair": (lambda path: as_npz(path, **sound(2, 4)), "must hold an array centers_3_5, got centers_2_4"),
    "no arrays": (lambda path: as_npz(path), "must hold an array centers_3_5, got nothing"),
    "a wrong shape": (lambda path: as_npz(path, **{**sound(), "centers_3_5": np.zeros((3, 5))}), "must have shape"),
    "NaN": (lambda path: as_npz(path, **{**sound(), "biases_3_5": np.full(5, np.nan)}), "biases must be finite"),
    "outside": (lambda path: as_npz(path, **{**sound(), "centers_3_5": np.full((5, 3), 9.0)}), "lie in the cube"),
    "text": (lambda path: as_npz(path, **{**sound(), "biases_3_5": np.array(list("abcde"))}), "hold real numbers"),
    "pickles": (
        lambda path: as_npz(path, **{**sound(), "biases_3_5": np.array([Trap()] * 5, dtype=object)}),
        "does not hold funnels",
    ),
    "a bomb": (bomb, "must not exceed"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_npz(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, message = HOSTILE[case]
    path = tmp_path / "file.npz"
    make(path)
    with pytest.raises(FileFormatError, match=message) as caught:
        pairs.load_funnels(path, 3, 5)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()


HOSTILE_TORCH = {
    "pickle": lambda torch, path: path.write_bytes(pickle.dumps({"net.centers": Trap(), "net.bias": Trap()})),
    "torch pickle": lambda torch, path: torch.save({"net.centers": Trap()}, path),
    "noise": lambda torch, path: path.write_bytes(b"PK\x03\x04" + bytes(100)),
    "a list": lambda torch, path: torch.save([torch.zeros(5, 3)], path),
    "other names": lambda torch, path: torch.save({"centers": torch.zeros(5, 3)}, path),
    "no tensors": lambda torch, path: torch.save({"net.centers": 1.0, "net.bias": 2.0}, path),
    "sparse": lambda torch, path: torch.save(
        {"net.centers": torch.zeros(5, 3).to_sparse(), "net.bias": torch.zeros(5)}, path
    ),
    "complex": lambda torch, path: torch.save(
        {"net.centers": torch.zeros(5, 3, dtype=torch.complex64), "net.bias": torch.zeros(5)}, path
    ),
    "huge": lambda torch, path: torch.save({"net.centers": torch.zeros(5000, 3000), "net.bias": torch.zeros(5)}, path),
    "repeated": lambda torch, path: torch.save(
        {"net.centers": torch.zeros(1).expand(10**9), "net.bias": torch.zeros(5)}, path
    ),
}


@pytest.mark.parametrize("case", HOSTILE_TORCH)
def test_hostile_torch_files(case, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "file.pt"
    HOSTILE_TORCH[case](torch, path)
    with pytest.raises(FileFormatError) as caught:
        pairs.load_funnels(path, 3, 5)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()


def test_unknown_suffix(tmp_path):
    with pytest.raises(FileFormatError, match=r"the suffix must be one of \.pt, \.npz, got '\.pkl'"):
        pairs.load_funnels(tmp_path / "pair.pkl", 2, 4)


# The published benchmark

#: Monte Carlo values of W1 on the published parameters with one standard error, computed independently of this code.
VALUES = [(2, 4, 0.8210, 0.0003), (2, 64, 0.2281, 0.0003), (16, 64, 1.5479, 0.0031), (128, 64, 1.0551, 0.0070)]


@pytest.mark.parametrize(("dim", "n", "value", "error"), VALUES)
def test_published_values(published, dim, n, value, error):
    pair = pairs.load_funnels(published, dim, n)
    assert abs((pair.w1.lower + pair.w1.upper) / 2 - value) <= 3 * math.hypot(error, pair.w1.width / 6)


def test_all_published_pairs_are_built_in_seconds(published):
    begin = time.perf_counter()
    for dim in DIMS:
        for n in COUNTS:
            pair = pairs.load_funnels(published, dim, n)
            x, y = pair.sample_plan(500, np.random.default_rng(0))
            np.testing.assert_allclose(pair.potential(x) - pair.potential(y), np.linalg.norm(x - y, axis=1), atol=1e-10)
    assert time.perf_counter() - begin < 20  # about 0.3 s on a free core


def test_large_pairs_take_large_samples():
    pair = pairs.funnels(128, 256)
    x, y = pair.sample_plan(5000, np.random.default_rng(0))
    assert np.abs(pair.potential(x) - pair.potential(y) - np.linalg.norm(x - y, axis=1)).max() < 1e-10
