"""The certificate believes nobody: garbage in, a true bracket out."""

from __future__ import annotations

import contextlib
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otgan
from otgan.certificate import certify, lower_bound, upper_bound
from otgan.coupling import exact_coupling
from otgan.errors import CertificateError, FileFormatError
from otgan.exact import dot, sum_error, two_product, two_sum
from otgan.masses import WHOLE, integer_masses, rounded_masses, sums_by
from otgan.problem import problem_from_points
from tests.strategies import contains, samples
from tests.truth import certain_optimum

SOME = settings(max_examples=150, deadline=None)


def garbage(rng, size, kind):
    values = {
        "zeros": np.zeros(size),
        "noise": rng.normal(size=size),
        "huge": rng.normal(size=size) * 1e200,
        "not numbers": rng.choice([np.nan, np.inf, -np.inf, 1.0, 0.0], size=size),
    }
    return values[kind]


@SOME
@given(
    samples(dims=(1, 2)),
    st.sampled_from(["zeros", "noise", "huge", "not numbers"]),
    st.sampled_from(["nothing", "zeros", "noise", "huge", "not numbers"]),
    st.sampled_from([1, 2]),
    st.integers(0, 2**32 - 1),
)
def test_garbage_is_bracketed(sample, potential, plan, p, seed):
    rng = np.random.default_rng(seed)
    problem = problem_from_points(sample.x, sample.y, sample.a, sample.b, p=p)
    n, m = problem.shape
    k = 0 if plan == "nothing" else 2 * (n + m)
    arcs = rng.integers(0, n, k), rng.integers(0, m, k), garbage(rng, k, plan if k else "zeros")
    certificate = certify(problem, arcs, garbage(rng, n, potential), garbage(rng, m, potential))
    truth = certain_optimum(sample.x, sample.y, sample.a, sample.b, p=p)
    assert contains(certificate.cost.lower, certificate.cost.upper, truth)
    rows, columns, flow = certificate.coupling
    assert (sums_by(rows, flow, n) == problem.masses.a).all()
    assert (sums_by(columns, flow, m) == problem.masses.b).all()
    assert min(flow) > 0


@settings(max_examples=60, deadline=None)
@given(samples(dims=(1, 2)), st.floats(-1e-9, 1e-9), st.integers(0, 2**32 - 1))
def test_a_slightly_wrong_plan_is_repaired_not_replaced(sample, error, seed):
    solution = otgan.wasserstein(sample.x, sample.y, sample.a, sample.b)
    rows, columns, mass = solution.matched_pairs()
    upper, _ = upper_bound(solution.problem, (rows, columns, mass * (1 + error)))
    scale = solution.problem.costs.scale
    assert solution.lower_bound <= upper <= solution.upper_bound + 1e-8 * scale


def test_a_plan_with_cycles_is_kept():
    # the product coupling is no forest of arcs; its cost must come out, not that of some tree
    x, y = np.array([[0.0, 0.0], [0.0, 2.0]]), np.array([[1.0, 0.0], [1.0, 2.0]])
    problem = problem_from_points(x, y, [0.1, 0.9], [0.3, 0.7])
    plan = np.outer([0.1, 0.9], [0.3, 0.7])
    rows, columns = np.nonzero(plan)
    upper, _ = upper_bound(problem, (rows, columns, plan[rows, columns]))
    distances = np.linalg.norm(x[:, None] - y, axis=2)
    assert upper == pytest.approx((plan * distances).sum(), rel=1e-12)


def test_large_garbage_plans_do_not_overflow():
    n, m = 2, 8000
    rng = np.random.default_rng(3)
    a, b = np.array([2**39 - 1.0, 2**39]), np.ones(m)  # a total just below what int64 holds exactly
    problem = problem_from_points(rng.normal(size=(n, 2)), rng.normal(size=(m, 2)), a / a.sum(), b / m)
    rows, columns = np.divmod(np.arange(n * m), m)
    for mass in (1.0, 0.7, 1e300):
        certificate = certify(problem, (rows, columns, np.full(n * m, mass)), np.zeros(n), np.zeros(m))
        assert (sums_by(certificate.coupling[1], certificate.coupling[2], m) == problem.masses.b).all()
        assert certificate.cost.lower <= certificate.cost.upper


def test_contradicting_proofs_are_an_error(monkeypatch):
    import otgan.certificate

    monkeypatch.setattr(otgan.certificate, "lower_bound", lambda *_, **__: 2.0)
    with pytest.raises(CertificateError, match="please report"):
        otgan.wasserstein([[0.0, 0.0]], [[1.0, 0.0]])


def test_arcs_may_repeat():
    masses = integer_masses(np.ones(1), np.ones(2))
    arcs = np.array([0, 0, 0]), np.array([0, 1, 0])
    rows, columns, flow = exact_coupling(*arcs, np.array([0.25, 0.5, 0.25]), masses)
    assert (rows.tolist(), columns.tolist(), flow.tolist()) == ([0, 0], [0, 1], [1, 1])


def test_the_lower_bound_of_zero_potentials_is_the_one_by_hand():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2)) + 3
    distances = np.linalg.norm(x[:, None] - y, axis=2)
    by_hand = max(distances.min(axis=0).mean(), distances.min(axis=1).mean())
    assert lower_bound(problem_from_points(x, y), np.zeros(30), np.zeros(20)) == pytest.approx(by_hand, rel=1e-11)


@settings(max_examples=300, deadline=None)
@given(
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e140, max_value=1e140),
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e140, max_value=1e140),
)
def test_error_free_transformations(x, y):
    from fractions import Fraction

    one, other = np.array([x]), np.array([y])
    assert Fraction(x) + Fraction(y) == Fraction(x + y) + Fraction(sum_error(one, other)[0])
    assert two_sum(x, y) == (x + y, sum_error(one, other)[0])
    if 0 in (x, y) or min(abs(x), abs(y)) > 1e-120:  # below, the error term underflows
        assert Fraction(x) * Fraction(y) == sum(Fraction(term) for term in two_product(x, y))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6), st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_masses_are_exact(a, b):
    from fractions import Fraction

    if not any(a) or not any(b):
        return
    masses = integer_masses(np.array(a), np.array(b))
    assert sum(masses.a.tolist()) == sum(masses.b.tolist()) == masses.total
    for weight, mass in zip(a, masses.a.tolist(), strict=True):
        assert Fraction(mass, masses.total) == Fraction(weight) / sum(Fraction(w) for w in a)
    for part in (masses.a, masses.b):
        for high, low, mass in zip(*masses.two_floats(part), part.tolist(), strict=True):
            error = abs(Fraction(high) + Fraction(low) - Fraction(mass, masses.total))
            assert error <= Fraction(2, 2**106) * Fraction(mass, masses.total) + Fraction(1, 2**1074)


WEIGHTS = st.lists(st.floats(0, 1e6) | st.integers(0, 9).map(lambda k: k / 8), min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(WEIGHTS, WEIGHTS, st.sampled_from([1e-200, 1.0, 1e200]))
def test_rounded_masses_differ_by_less_than_they_say(a, b, unit):
    from fractions import Fraction

    sides = np.array(a) * unit, np.array(b) * unit
    if not all(side.any() for side in sides):  # nothing there, or nothing left after underflow
        return
    found = rounded_masses(*sides)
    exact = integer_masses(*sides)
    if found is None:  # exact masses are small integers, or some weight is nearly nothing
        assert exact.total < WHOLE or min(w / side.sum() for side in sides for w in side[side > 0]) < 1e-15
        return
    difference, not_whole = Fraction(0), 0
    for mass, truth in ((found.masses.a, exact.a), (found.masses.b, exact.b)):
        assert mass.sum() == WHOLE
        assert ((mass > 0) == (truth > 0)).all()
        shares = zip(mass.tolist(), truth.tolist(), strict=True)
        difference += sum(max(0, Fraction(k, WHOLE) - Fraction(t, exact.total)) for k, t in shares)
        not_whole += sum(t * WHOLE % exact.total > 0 for t in truth.tolist())
        for high, low, k in zip(*found.masses.two_floats(mass), mass.tolist(), strict=True):
            assert Fraction(high) + Fraction(low) == Fraction(k, WHOLE)
    assert difference <= Fraction(found.moved)
    assert found.moved * WHOLE >= not_whole


def test_a_mass_is_whole_only_if_the_division_was_exact():
    # in units of 2^-61 this third is 2^61/3, whose double remainder rounds to an integer when divided by the total
    found = rounded_masses(np.array([1.0, 2.0]) / 4, np.array([1e-9, 1.0]))
    assert found.moved * WHOLE == 4


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=30))
def test_a_sum_of_products_is_as_near_as_it_says(pairs):
    from fractions import Fraction

    if any(0 < abs(factor) < 1e-100 for pair in pairs for factor in pair):
        return
    x, y = np.array(pairs).reshape(-1, 2).T
    total, error = dot((x, y), (y[:3], x[:3]), (-x, y))  # the last cancels the first
    truth = sum((Fraction(s) * Fraction(t) for s, t in pairs[:3]), Fraction(0))
    assert abs(Fraction(total) - truth) <= Fraction(error)


@pytest.mark.parametrize("suffix", ["npz", "json"])
@pytest.mark.parametrize("weighted", [False, True])
def test_saved_and_loaded(tmp_path, suffix, weighted):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    a = rng.dirichlet(np.ones(20)) if weighted else None
    solution = otgan.wasserstein(x, y, a, p=2)
    path = tmp_path / f"solution.{suffix}"
    solution.save(path)
    loaded = otgan.OTSolution.load(path)
    assert loaded.upper_bound == pytest.approx(solution.upper_bound, rel=1e-15)
    assert loaded.distance == pytest.approx(solution.distance, rel=1e-15)
    assert loaded.lower_bound == pytest.approx(solution.lower_bound, rel=1e-14)
    assert loaded.converged
    assert loaded.stats == solution.stats
    np.testing.assert_array_equal(loaded.plan.toarray(), solution.plan.toarray())
    np.testing.assert_allclose(loaded.potentials(x), solution.potentials(x), rtol=1e-12, atol=1e-13)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_loaded_solution_is_proven_again(tmp_path):
    rng = np.random.default_rng(2)
    solution = otgan.wasserstein(rng.normal(size=(20, 2)), rng.normal(size=(20, 2)) + 1)
    path = tmp_path / "solution.json"
    solution.save(path)
    content = json.loads(path.read_text())
    content["f"] = [0.0] * 20
    content["columns"] = content["columns"][::-1]
    path.write_text(json.dumps(content))
    tampered = otgan.OTSolution.load(path)
    assert tampered.lower_bound < solution.distance < tampered.upper_bound
    assert not tampered.converged


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.pop("f"),
        lambda c: c.update(schema=99),
        lambda c: c.update(rows=[0.5]),
        lambda c: c.update(rows=[10**6] * len(c["rows"])),
        lambda c: c.update(rows=c["rows"][:-1]),
        lambda c: c.update(mass="abc"),
        lambda c: c.update(metric="nonsense"),
        lambda c: c.update(p=math.nan),
        lambda c: c.update(total="7"),
        lambda c: c.update(a=["-1", "2"]),
        lambda c: c.update(a=3),
        lambda c: c.update(status="FINE"),
        lambda c: c.update(stats={"x": 1}),
        lambda c: c.update(x=[[1e999, 0.0]]),
        lambda c: c["stats"].update(tol=-1.0),
        lambda c: c["stats"].update(tol=math.nan),
        lambda c: c["stats"].update(seconds="x"),
    ],
)
def test_inconsistent_files_are_refused(tmp_path, change):
    path = tmp_path / "solution.json"
    otgan.wasserstein([[0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [3.0, 1.0]]).save(path)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=r"solution\.json") as caught:
        otgan.OTSolution.load(path)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_refused(tmp_path):
    solution = otgan.wasserstein([0.0], [1.0])
    with pytest.raises(FileFormatError, match="suffix must be one of"):
        solution.save(tmp_path / "solution.pkl")
    with pytest.raises(FileFormatError, match="cannot be written"):
        solution.save(tmp_path / "nowhere" / "solution.npz")
    with pytest.raises(FileFormatError, match="cannot be read"):
        otgan.OTSolution.load(tmp_path / "absent.npz")
    with pytest.raises(FileFormatError, match="cannot be read"):
        otgan.OTSolution.load(tmp_path.with_suffix(".json").parent / "absent.json")
    for name, content in (
        ("a.npz", b"PK\x03\x04 broken"),
        ("b.json", b"[1, 2"),
        ("c.json", b"\xff\xfe"),
        ("d.npz", b""),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=name):
            otgan.OTSolution.load(tmp_path / name)
    with pytest.raises(FileFormatError, match="no file can have that name"):
        solution.save(tmp_path / "a\0b.json")
    np.savez_compressed(tmp_path / "bomb.npz", header=np.zeros(2**25 + 1))
    with pytest.raises(FileFormatError, match="unpacks to over 200 times its size"):
        otgan.OTSolution.load(tmp_path / "bomb.npz")
    np.savez(tmp_path / "e.npz", header=np.array([{"schema": 1}], dtype=object))
    with pytest.raises(FileFormatError, match=r"e\.npz"):
        otgan.OTSolution.load(tmp_path / "e.npz")


def test_damaged_archives_are_refused(tmp_path):
    rng = np.random.default_rng(4)
    path = tmp_path / "solution.npz"
    otgan.wasserstein(rng.normal(size=(9, 2)), rng.normal(size=(9, 2))).save(path)
    whole = path.read_bytes()
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        with contextlib.suppress(FileFormatError):  # anything else is a failure; and some bytes matter to nobody
            loaded = otgan.OTSolution.load(path)
            assert loaded.lower_bound <= loaded.distance <= loaded.upper_bound
