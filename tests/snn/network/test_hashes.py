"""Hashes of a network: what is compiled, what is an argument; and weights put back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Quantity, ms

from snn import (
    ALIF,
    LIF,
    Adam,
    Arctan,
    DeltaRule,
    Dense,
    Environment,
    EProp,
    Factor,
    FromArray,
    LeakyReadout,
    ModulatedSTDP,
    Network,
    NetworkSpec,
    Neuron,
    Oja,
    PairSTDP,
    Poisson,
    Regular,
    RewardSTDP,
    SpikeReadout,
    SpikeTrains,
    Static,
    SumOfProducts,
    VolterraRule,
    WeightNormalisation,
    structure_hash,
)
from snn.errors import NetworkError
from tests.support.networks import NETWORKS, spec_of


def every_number(value, path=()):
    """Every number in a description that `fields.number` declares, or that stands in a mapping of numbers."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return
    if isinstance(value, (int, float, Quantity, np.ndarray)):
        yield path
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.init and field.name not in ("schema", "drives"):
                yield from every_number(getattr(value, field.name), (*path, field.name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from every_number(item, (*path, key))
    else:
        for index, item in enumerate(value):
            yield from every_number(item, (*path, index))


def change(value, path, by):
    if not path:
        return by(value)
    first, *rest = path
    if isinstance(value, tuple):
        return (*value[:first], change(value[first], rest, by), *value[first + 1 :])
    if isinstance(value, dict):
        return value | {first: change(value[first], rest, by)}
    return dataclasses.replace(value, **{first: change(getattr(value, first), rest, by)})


def another(number):
    """A number near by: one more of a whole number, a quarter more of others."""
    if isinstance(number, int) and number > 0:
        return number + 1
    return (
        number * 1.25
        if float(np.max(np.abs(number)))
        else number + 0.25 * (Quantity(1, dim=number.dim) if hasattr(number, "dim") else 1)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_structure_ignores_every_number_and_the_hash_none(name):
    spec = spec_of(name)
    structure, seen = structure_hash(spec), {spec.hash()}
    places = list(every_number(spec))
    assert len(places) > 10
    for place in places:
        other = change(spec, place, another)
        assert other.hash() not in seen, place
        seen.add(other.hash())
        # Projections onto one population share a pseudo-derivative as long as its numbers are equal.
        if place[-1] not in ("height", "width"):
            assert structure_hash(other) == structure, place


def test_sizes_weights_and_the_seed_are_no_structure():
    from snn.lowering.planner import plan

    def net(n, k, given):
        net = Network(inputs=Poisson(4), dt=1 * ms)
        net.population("hidden", LIF(), n=n)
        net.readout(LeakyReadout(3))
        net.connect("inputs", "hidden", Dense(FromArray(np.full(4 * n, given))), delay=k * ms, w_min=-k)
        net.connect("hidden", "readout", Dense())
        return net.freeze()

    assert structure_hash(net(5, 1, 0.5)) == structure_hash(net(9, 7, -2.0))
    assert plan(net(5, 1, 0.5), seed=1).structure_hash() == plan(net(5, 1, 0.5), seed=2).structure_hash()


def variants():
    """Networks of which no two may share a program."""

    def net(model=None, rule=None, out=None, readout=None, connection=None, inputs=None, environment=None, **options):
        net = Network(inputs=inputs or Poisson(4), dt=1 * ms)
        net.population("hidden", model or LIF(), n=3)
        net.readout(readout or LeakyReadout(3))
        net.connect("inputs", "hidden", connection or Dense(), rule, **options)
        if not isinstance(readout, SpikeReadout):
            net.connect("hidden", "readout", Dense(), out)
        if environment:
            net.environment(environment)
        return net.freeze()

    reward, by_count = Environment("reward = action : 1"), SpikeReadout("hidden")
    neuron = dict(model="dv/dt = (I - v)/tau : 1\nI : 1", threshold="v > 1", parameters={"tau": 20 * ms})
    return {
        "plain": net(),
        "inputs": net(inputs=Regular(4)),
        "trains": net(inputs=SpikeTrains(4)),
        "reset": net(LIF(reset="zero")),
        "ALIF": net(ALIF()),
        "own": net(Neuron(**neuron)),
        "own equation": net(Neuron(**neuron | {"model": "dv/dt = (2*I - v)/tau : 1\nI : 1"})),
        "own threshold": net(Neuron(**neuron | {"threshold": "v > 2"})),
        "own reset": net(Neuron(**neuron, reset="v = 0")),
        "own method": net(Neuron(**neuron, method="euler")),
        "own refractory": net(Neuron(**neuron, refractory=2 * ms)),
        "own refractory condition": net(Neuron(**neuron, refractory="v > 0")),
        "last": net(readout=LeakyReadout(3, decide="last")),
        "loss": net(readout=LeakyReadout(3, loss="squared_error")),
        "target": net(readout=LeakyReadout(3, target="target")),
        "count": net(readout=by_count),
        "first": net(readout=SpikeReadout("hidden", decide="first_spike")),
        "tie": net(readout=SpikeReadout("hidden", variable="I")),
        "delay": net(delay=2 * ms),
        "w_min": net(w_min=0),
        "stdp": net(rule=PairSTDP()),
        "stdp, w_min": net(rule=PairSTDP(), w_min=0),
        "stdp, w_max": net(rule=PairSTDP(), w_max=1),
        "stdp, both": net(rule=PairSTDP(), w_min=0, w_max=1),
        "stdp, nearest": net(rule=PairSTDP(pairing="nearest")),
        "stdp, power": net(rule=PairSTDP(dependence="power")),
        "stdp, normalised": net(rule=WeightNormalisation(PairSTDP())),
        "stdp, modulated": net(rule=ModulatedSTDP(PairSTDP(), "spiked")),
        "stdp, modulated by a trace": net(rule=ModulatedSTDP(PairSTDP(), Factor("spiked", tau=5 * ms))),
        "delta": net(rule=DeltaRule(factor="spiked")),
        "delta, sample": net(rule=DeltaRule(factor="spiked", on="sample")),
        "Oja": net(rule=Oja()),
        "Oja, graded": net(rule=Oja(post="v")),
        "Volterra": net(rule=VolterraRule()),
        "products": net(rule=SumOfProducts("x1*y0 - x0*y1")),
        "other products": net(rule=SumOfProducts("x1*y0 - x0*y2")),
        "reward": net(rule=RewardSTDP(), environment=reward, readout=by_count),
        "reward, leaky": net(rule=RewardSTDP(), environment=reward),
        "reward, step": net(rule=RewardSTDP(on="step"), environment=reward),
        "reward, other": net(rule=RewardSTDP(), environment=Environment("reward = 2*action : 1")),
        "eprop": net(rule=EProp()),
        "eprop, out": net(rule=EProp(), out=EProp()),
        "eprop, random": net(rule=EProp(feedback="random")),
        "eprop, adaptive": net(rule=EProp(feedback="adaptive"), out=EProp(feedback="adaptive")),
        "eprop, rates": net(rule=EProp(rate_strength=1.0)),
        "eprop, batches": net(rule=EProp(batch=1)),
        "eprop, averaged": net(rule=EProp(average=True)),
        "eprop, decay": net(rule=EProp(weight_decay=0.1)),
        "eprop, Adam": net(rule=EProp(optimizer=Adam())),
        "eprop, online": net(rule=EProp(variant="online")),
        "eprop, through the reset": net(rule=EProp(through_reset=True)),
        "eprop, another surrogate": net(rule=EProp(surrogate=Arctan())),
    }


def test_structures_differ():
    """The kind of connection is no structure here: synapses are arguments, so Dense and Sparse share a program."""
    hashes = {name: structure_hash(spec) for name, spec in variants().items()}
    by_hash = {}
    for name, value in hashes.items():
        by_hash.setdefault(value, []).append(name)
    # A bound only clips the first weights where nothing is written later.
    assert sorted(names for names in by_hash.values() if len(names) > 1) == [["plain", "w_min"]]


def test_with_weights():
    spec = spec_of("eprop_lif")
    matrix = np.random.default_rng(0).normal(size=(12, 15))
    other = spec.with_weights({"inputs->hidden": matrix})
    np.testing.assert_array_equal(other.projections[0].connection.weights.values, matrix)
    assert other.projections[1:] == spec.projections[1:]
    assert structure_hash(other) == structure_hash(spec) and other.hash() != spec.hash()
    assert NetworkSpec.from_json(other.to_json()) == other
    with pytest.raises(NetworkError, match=r"There is no projection 'input->hidden'; .*nearest: 'inputs->hidden'"):
        spec.with_weights({"input->hidden": matrix})


def test_frozen():
    spec = spec_of("eprop_lif").without_plasticity()
    assert [p.rule for p in spec.projections] == [Static()] * 3
    assert spec.without_plasticity() == spec and structure_hash(spec) != structure_hash(spec_of("eprop_lif"))
