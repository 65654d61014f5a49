"""What is taken out of a run and put back is the same, bit for bit, or refused before anything changes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from otgan.errors import CheckpointError, InvalidTypeError
from otgan.training import Parts, TrainingState

BIT_GENERATORS = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]
OPTIMIZERS = {
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1),
    "Adam, fused": lambda p: torch.optim.Adam(p, lr=0.1, fused=True, amsgrad=True),
    "AdamW with a tensor for a rate": lambda p: torch.optim.AdamW(p, lr=torch.tensor(0.1)),
    "Adadelta": lambda p: torch.optim.Adadelta(p),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=0.1, max_iter=3, history_size=4),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.1, momentum=0.3, centered=True),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "SGD without momentum": lambda p: torch.optim.SGD(p, lr=0.1),
}
SCHEDULES = {
    "cosine": lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 20),
    "exponential": lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    "lambda": lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
    "one cycle": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.2, total_steps=20),
    "plateau": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o, patience=1),
    "step": lambda o: torch.optim.lr_scheduler.StepLR(o, 3),
}


def net(seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(dtype)
    network.register_buffer("unsaved", torch.zeros(2), persistent=False)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=dtype))
    return network


def advance(network, optimizer, n, schedule=None):
    x = torch.linspace(-1, 1, 10, dtype=torch.float64).reshape(5, 2)

    def closure():
        optimizer.zero_grad()
        loss = network(x).square().mean()
        loss.backward()
        return loss

    for _ in range(n):
        loss = optimizer.step(closure)
        network.unsaved += 1
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(1.0)
        elif schedule is not None:
            schedule.step()
    return loss


def through_json(state):
    return TrainingState(state.tensors, json.loads(json.dumps(state.content)))


def same(one, other):
    assert one.content == other.content
    assert one.tensors.keys() == other.tensors.keys()
    for name, tensor in one.tensors.items():
        assert tensor.dtype == other.tensors[name].dtype
        assert torch.equal(tensor, other.tensors[name])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimiser_goes_on_as_the_first_one_does(name):
    network = net()
    optimizer = OPTIMIZERS[name](network.parameters())
    parts = Parts({"net": network}, {"net": optimizer})
    advance(network, optimizer, 3)
    middle = through_json(parts.state())
    advance(network, optimizer, 4)

    other = net(seed=1)
    other_optimizer = OPTIMIZERS[name](other.parameters())
    others = Parts({"net": other}, {"net": other_optimizer})
    others.restore(middle)
    same(others.state(), middle)
    advance(other, other_optimizer, 4)
    same(others.state(), parts.state())


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_restored_schedule_goes_on_as_the_first_one_does(name):
    rates = []
    first, second = ((network, torch.optim.SGD(network.parameters(), lr=0.1)) for network in (net(), net(1)))
    schedules = [SCHEDULES[name](optimizer) for _, optimizer in (first, second)]
    parts = [
        Parts({"net": network}, {"net": optimizer}, schedules={"rate": schedule})
        for (network, optimizer), schedule in zip((first, second), schedules, strict=True)
    ]
    advance(*first, 5, schedules[0])
    parts[1].restore(through_json(parts[0].state()))
    for (network, optimizer), schedule in zip((first, second), schedules, strict=True):
        advance(network, optimizer, 5, schedule)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == rates[1] != 0.1
    same(parts[0].state(), parts[1].state())


@pytest.mark.parametrize("name", BIT_GENERATORS)
def test_a_numpy_generator_goes_on_with_the_same_numbers(name):
    rngs = [np.random.Generator(getattr(np.random, name)(seed)) for seed in (1, 2)]
    rngs[0].integers(0, 2**31, 3, dtype=np.uint32)  # half of a 64-bit word is left over for the next draw
    state = through_json(Parts(generators={"x": rngs[0]}).state())
    Parts(generators={"x": rngs[1]}).restore(state)
    draws = [(rng.integers(0, 2**31, 3, dtype=np.uint32).tolist(), rng.normal(size=5).tolist()) for rng in rngs]
    assert draws[0] == draws[1]


def test_torch_generators_go_on_and_the_global_one_is_left_alone():
    before = torch.get_rng_state()
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    torch.randn(3, generator=generators[0])
    Parts(generators={"y": generators[1]}).restore(through_json(Parts(generators={"y": generators[0]}).state()))
    assert torch.equal(*(torch.randn(40, generator=generator) for generator in generators))
    assert torch.equal(torch.get_rng_state(), before)


def test_moments_in_a_finer_dtype_than_the_weights_keep_their_bits():
    class Fine(torch.optim.SGD):
        """Keeps its momentum in float64."""

    networks = [net(seed, torch.float32) for seed in (0, 1)]
    optimizers = [Fine(network.parameters(), lr=0.1, momentum=0.9) for network in networks]
    for parameter in networks[0].parameters():
        optimizers[0].state[parameter]["momentum_buffer"] = torch.full_like(parameter, 1 / 3, dtype=torch.float64)
    states = [Parts({}, {"net": optimizer}) for optimizer in optimizers]
    states[1].restore(states[0].state())
    same(states[1].state(), states[0].state())


def test_a_snapshot_does_not_change_with_the_run():
    network = net()
    state = Parts({"net": network}).state()
    before = state.tensors["modules/net/0.weight"].clone()
    with torch.no_grad():
        network[0].weight += 1
    assert torch.equal(state.tensors["modules/net/0.weight"], before)


def test_tied_weights_stay_tied():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = network[0].weight
    parts = Parts({"net": network})
    state = parts.state()
    with torch.no_grad():
        network[0].weight += 1
    parts.restore(state)
    assert network[1].weight is network[0].weight
    assert torch.equal(network[1].weight, state.tensors["modules/net/0.weight"])


def some_parts(width=3, numbers=None, optimizer=torch.optim.Adam, rng=None, dtype=torch.float32, modules=("net",)):
    network = nn.Linear(2, width).to(dtype)
    return Parts(
        dict.fromkeys(modules, network),
        {"net": optimizer(network.parameters(), lr=0.1)},
        {"x": np.random.default_rng(0) if rng is None else rng},
        numbers={"a": 1} if numbers is None else numbers,
    )


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"width": 4}, r"modules/net/bias must be float32 of shape \(4,\), got float32 of shape \(3,\)"),
        ({"dtype": torch.float64}, "modules/net/bias must be float64 of shape .*, got float32"),
        ({"modules": ("net", "more")}, "modules/more/bias must be float32 .*, got absent"),
        ({"modules": ()}, "modules/net/bias must be absent, got float32"),
        ({"optimizer": torch.optim.SGD}, "optimizers/net/param_groups/0 must hold lr, momentum"),
        ({"rng": torch.Generator()}, "generators/x must be the state of a Generator"),
        ({"rng": np.random.Generator(np.random.MT19937(0))}, "generators/x must be the state of a MT19937"),
        ({"numbers": {"b": 1}}, "numbers must have the names of the parts, b, got a"),
    ],
)
def test_other_parts_are_refused_and_left_as_they_are(other, message):
    state = through_json(some_parts().state())
    parts = some_parts(**other)
    before = parts.state()
    with pytest.raises(CheckpointError, match=message):
        parts.restore(state)
    same(parts.state(), before)


HOSTILE = {
    "no optimisers": lambda content, tensors: content.pop("optimizers"),
    "a list of optimisers": lambda content, tensors: content.update(optimizers=[]),
    "an unknown tag": lambda content, tensors: content["optimizers"].update(net={"code": "import os"}),
    "a tensor that is not there": lambda content, tensors: content["optimizers"].update(net={"tensor": "nothing"}),
    "text for a rate": lambda content, tensors: item(content, "param_groups")["list"][0]["dict"].__setitem__(
        0, ["lr", "high"]
    ),
    "NaN for a rate": lambda content, tensors: item(content, "param_groups")["list"][0]["dict"].__setitem__(
        0, ["lr", float("nan")]
    ),
    "a moment of another shape": lambda content, tensors: tensors.update(
        {"optimizers/net/state/0/exp_avg": torch.zeros(7)}
    ),
    "a parameter that is not there": lambda content, tensors: item(content, "state")["dict"][0].__setitem__(0, 99),
    "a short generator": lambda content, tensors: content["generators"].update(x={"dict": []}),
    "a number for a generator": lambda content, tensors: content["generators"].update(x=1),
    "a huge array": lambda content, tensors: content["generators"].update(x={"array": [2**70], "dtype": "uint64"}),
    "an array of objects": lambda content, tensors: content["generators"].update(x={"array": [1], "dtype": "object"}),
    "deep nesting": lambda content, tensors: content.update(numbers=nested(300)),
}


def item(content, name):
    return next(value for key, value in content["optimizers"]["net"]["dict"] if key == name)


def nested(depth):
    value = 1
    for _ in range(depth):
        value = {"list": [value]}
    return {"dict": [["a", value]]}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_is_refused_and_changes_nothing(name):
    parts = some_parts()
    network = parts.modules["net"]
    network(torch.ones(1, 2)).sum().backward()
    parts.optimizers["net"].step()
    state = through_json(parts.state())
    HOSTILE[name](state.content, state.tensors)
    fresh = some_parts()
    before = fresh.state()
    with pytest.raises(CheckpointError):
        fresh.restore(state)
    same(fresh.state(), before)


def test_what_no_file_can_hold_is_refused():
    with pytest.raises(InvalidTypeError, match=r"numbers/rate must hold numbers, text, .*, got function"):
        Parts(numbers={"rate": lambda k: k}).state()


def test_numbers_are_restored_in_place():
    numbers = {"mean": 0.1, "counts": [1, 2], "pair": (1, None), "tensor": torch.ones(2)}
    parts = Parts(numbers=numbers)
    state = through_json(parts.state())
    numbers |= {"mean": 7.0, "counts": [], "pair": (), "tensor": None}
    parts.restore(state)
    assert numbers.pop("tensor").tolist() == [1.0, 1.0]
    assert numbers == {"mean": 0.1, "counts": [1, 2], "pair": (1, None)}


def test_numbers_that_a_step_has_added_come_back():
    state = Parts(numbers={"from the start": 1, "from step 1": 2.5}).state()
    fresh = {"from the start": 0}
    Parts(numbers=fresh).restore(state)
    assert fresh == {"from the start": 1, "from step 1": 2.5}
