"""A network as data: exact JSON, and hashes that say what is compiled and what is an argument."""

from __future__ import annotations

import base64
import dataclasses
import json
import pickle

import numpy as np
import pytest
from brian2 import Hz, Quantity, ms, mV, second, volt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snn import (
    ALIF,
    LIF,
    Adam,
    Arctan,
    Constant,
    DeltaRule,
    Dense,
    Environment,
    EProp,
    Exponential,
    Factor,
    FastSigmoid,
    FixedFanIn,
    FromArray,
    GradientDescent,
    LeakyReadout,
    LocalRule,
    ModulatedSTDP,
    Network,
    NetworkSpec,
    Neuron,
    Normal,
    Oja,
    OneToOne,
    PairSTDP,
    PiecewiseLinear,
    Poisson,
    Regular,
    RewardSTDP,
    Signal,
    SNNError,
    Sparse,
    SpikeReadout,
    SpikeTrace,
    SpikeTrains,
    Static,
    SumOfProducts,
    Uniform,
    VolterraRule,
    WeightNormalisation,
    structure_hash,
)
from snn.errors import NetworkError
from snn.network.data import SCHEMA
from snn.serial import dumps, loads
from tests.snn.networks import NETWORKS, spec_of

pytestmark = pytest.mark.filterwarnings("ignore::snn.RoundedTime")

plain = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(1e-6, 1e6)
times = st.floats(0.5, 500).map(lambda x: x * ms)
sizes = st.integers(1, 6)
weights = (
    st.builds(Normal, gain=st.floats(0, 1e6), mean=plain)
    | st.floats(-1e9, 1e9).flatmap(lambda low: st.builds(Uniform, low=st.just(low), high=st.floats(low, 2e9)))
    | st.builds(Constant, value=plain)
)
cells = st.fixed_dictionaries(
    {
        "tau_m": times,
        "v_th": positive,
        "refractory": st.floats(0, 50).map(lambda x: x * ms),
        "reset": st.sampled_from(["subtract", "zero"]),
        "input_scale": st.sampled_from(["one", "leak"]),
    }
)
own = st.builds(
    Neuron,
    model=st.just("dv/dt = (I - v)/tau + k*xi*tau**-0.5 : volt (unless refractory)\nI : volt"),
    threshold=st.sampled_from(["v > vt", "v >= vt"]),
    reset=st.sampled_from(["v = vr", "v -= vt", ""]),
    refractory=st.sampled_from([2 * ms, "v > 0*volt"]),
    parameters=st.fixed_dictionaries(
        {
            "tau": times,
            "vt": plain.map(lambda x: x * mV),
            "vr": plain.map(lambda x: x * volt),
            "k": plain.map(lambda x: x * mV),
        }
    ),
    initial=st.dictionaries(st.sampled_from(["v", "I"]), plain.map(lambda x: x * volt)),
    method=st.just("euler"),
)
models = (
    st.builds(lambda given: LIF(**given), cells)
    | st.builds(lambda given, tau, beta: ALIF(tau_a=tau, beta=beta, **given), cells, times, positive)
    | own
)
shares = st.floats(0, 0.999)
stdp = {"a_plus": positive, "a_minus": positive, "tau_plus": times, "tau_minus": times}
factors = st.just("spiked") | st.builds(
    Factor,
    st.just("strength*spiked"),
    st.fixed_dictionaries({"strength": plain}),
    tau=st.none() | times,
    gain=plain,
)
rules = (
    st.just(Static())
    | st.builds(PairSTDP, **stdp)
    | st.builds(RewardSTDP, lr=positive, tau_e=times, on=st.sampled_from(["sample", "step"]), **stdp)
    | st.builds(ModulatedSTDP, st.builds(PairSTDP, **stdp), factors, st.sampled_from(["spike", "sample"]))
    | st.builds(DeltaRule, positive, factors, times, times)
    | st.builds(Oja, positive, post=st.just("v/v_unit").map(lambda v: Factor(v, {"v_unit": 1 * volt})))
    | st.builds(VolterraRule, st.dictionaries(st.sampled_from(["000", "110", "222"]), plain), positive)
    | st.builds(lambda a, b: WeightNormalisation(SumOfProducts(f"{a}*x1*y0 + {b}*w"), total=a), positive, plain)
    | st.builds(
        LocalRule,
        pre=st.just("k*y"),
        traces=st.fixed_dictionaries({"y": st.builds(SpikeTrace, st.just("post"), times, plain, st.booleans())}),
        parameters=st.fixed_dictionaries({"k": plain}),
    )
    | st.builds(
        EProp,
        lr=positive,
        feedback=st.sampled_from(["symmetric", "random", "adaptive"]),
        feedback_weights=weights,
        surrogate=st.sampled_from([PiecewiseLinear, Exponential, FastSigmoid, Arctan]).flatmap(
            lambda kind: st.builds(kind, height=positive, width=positive, scale=st.none() | positive)
        ),
        optimizer=st.just(GradientDescent()) | st.builds(Adam, beta_1=shares, beta_2=shares, epsilon=positive),
        batch=st.none() | st.integers(1, 100),
        average=st.booleans(),
        weight_decay=st.none() | positive,
        rate_strength=st.none() | positive,
        rate_target=positive.map(lambda x: x * Hz),
        through_reset=st.booleans(),
    )
)
signals = st.sampled_from(["sample", "step"]).flatmap(
    lambda per: st.builds(
        Signal, source=st.just(f"per_{per}"), per=st.just(per), one_hot=st.booleans(), teacher=st.booleans()
    )
)


@st.composite
def networks(draw):
    """A network that freezes, of any parts and numbers."""
    n_in, n = draw(sizes), draw(sizes)
    rates = st.floats(0, 1000).map(lambda x: x * Hz)
    inputs = draw(
        st.builds(Poisson, st.just(n_in), rate=rates)
        | st.builds(Regular, st.just(n_in), rate=rates, phase=st.floats(0, 1))
        | st.builds(SpikeTrains, st.just(n_in))
    )
    model, rule = draw(models), draw(rules)
    assume(not (isinstance(rule, EProp) and isinstance(model, Neuron)))
    dt = draw(st.sampled_from([1 * ms, 0.5 * ms, 0.1 * ms * 3]))
    net = Network(inputs=inputs, dt=dt)
    net.population("hidden", model, n=n, signals=draw(st.dictionaries(st.sampled_from(["taught", "other"]), signals)))
    if draw(st.booleans()):
        net.drive("hidden", draw(signals), gain=draw(plain))
    matrix = st.lists(plain, min_size=n_in * n, max_size=n_in * n).map(np.array)
    connection = draw(
        st.builds(Dense, weights | matrix.map(FromArray) | matrix.map(lambda m: FromArray(m.reshape(n_in, n))))
        | st.builds(Sparse, p=st.floats(0, 1), weights=weights)
        | st.builds(FixedFanIn, k=st.integers(1, n_in), weights=weights)
        | (st.builds(OneToOne, weights) if n == n_in else st.nothing())
    )
    bounds = sorted(draw(st.lists(plain, min_size=2, max_size=2)))
    options = draw(st.sampled_from([{}, {"w_min": bounds[0]}, {"w_min": bounds[0], "w_max": bounds[1]}]))
    delay = draw(st.none() | st.integers(0, 50).map(lambda k: k * dt))
    net.connect("inputs", "hidden", connection, rule, delay=delay, **options)
    if isinstance(rule, RewardSTDP):
        net.environment(Environment("reward = action*c : 1", parameters={"c": draw(plain)}))
    if isinstance(rule, EProp) or draw(st.booleans()):
        window = draw(st.none() | st.integers(1, 200).map(lambda k: k * dt))
        net.readout(LeakyReadout(draw(sizes), tau=draw(times), learning_window=window))
        adaptive = isinstance(rule, EProp) and rule.feedback == "adaptive"  # which the readout's weights must be, too
        net.connect("hidden", "readout", Dense(draw(weights)), rule if adaptive else None)
    else:
        net.readout(SpikeReadout("hidden", decide=draw(st.sampled_from(["count", "first_spike"]))))
    return net.freeze()


def assert_equal_to_the_bit(a, b):
    """Every part of two descriptions, floats and arrays by their bits."""
    assert type(a) is type(b), (a, b)
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            assert_equal_to_the_bit(getattr(a, field.name), getattr(b, field.name))
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            assert_equal_to_the_bit(a[key], b[key])
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for left, right in zip(a, b, strict=True):
            assert_equal_to_the_bit(left, right)
    elif isinstance(a, (np.ndarray, float)):
        assert np.asarray(a).dtype == np.asarray(b).dtype and np.shape(a) == np.shape(b)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), (a, b)
        assert getattr(a, "dim", None) == getattr(b, "dim", None)
    else:
        assert a == b


@settings(deadline=None, max_examples=150)
@given(networks())
def test_json_round_trip(spec):
    text = spec.to_json()
    again = NetworkSpec.from_json(text)
    assert_equal_to_the_bit(spec, again)
    assert again == spec
    assert again.to_json() == text and "\n" not in text
    assert again.hash() == spec.hash() and structure_hash(again) == structure_hash(spec)
    assert_equal_to_the_bit(spec, pickle.loads(pickle.dumps(spec)))


@given(
    plain, st.lists(st.integers(-3, 3), min_size=7, max_size=7), st.sampled_from(["<f8", "<f4", "<i8", "|u1", "|b1"])
)
def test_numbers_and_arrays_keep_every_bit(number, exponents, dtype):
    from brian2.units.fundamentalunits import get_or_create_dimension

    quantity = Quantity(number, dim=get_or_create_dimension(exponents))
    array = np.frombuffer(np.random.default_rng(0).bytes(48), np.uint8).view(dtype if dtype != "|b1" else np.uint8)
    array = (array > 100 if dtype == "|b1" else array).reshape(2, -1)
    value = {"z": (number, -number, quantity), "a": array, "empty": np.empty((0, 3), dtype)}
    again = loads(dumps(value))
    assert dumps(again) == dumps(value) and list(again) == sorted(value)
    assert again["z"][2].dim is quantity.dim if any(exponents) else True
    assert again["a"].tobytes() == array.tobytes() and again["a"].dtype == np.dtype(dtype)
    assert again["a"].shape == array.shape and again["empty"].shape == (0, 3)


def test_the_order_in_which_a_mapping_is_written_says_nothing():
    def net(order):
        parameters = {name: {"tau": 20 * ms, "vt": 1.0, "el": 0.5}[name] for name in order}
        model = "dv/dt = (el + I - v + x + y)/tau : 1\nI : 1"
        net = Network(inputs=Poisson(2), dt=1 * ms)
        signals = {name: Signal("reward") for name in (("x", "y") if order[0] == "tau" else ("y", "x"))}
        net.population("out", Neuron(model, threshold="v > vt", parameters=parameters), n=2, signals=signals)
        net.readout(SpikeReadout("out"))
        net.connect("inputs", "out", Dense())
        return net.freeze()

    one, other = net(("tau", "vt", "el")), net(("el", "vt", "tau"))
    assert one == other and one.hash() == other.hash() and structure_hash(one) == structure_hash(other)


def test_a_frozen_network_does_not_follow_its_makers():
    parameters, signals = {"tau": 20 * ms}, {"x": Signal("reward")}
    array = np.ones(4)
    net = Network(inputs=Poisson(2), dt=1 * ms)
    net.population(
        "out", Neuron("dv/dt = (I - v)/tau : 1\nI : 1", "v > 1", parameters=parameters), n=2, signals=signals
    )
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense(FromArray(array)))
    spec = net.freeze()
    before = spec.to_json()
    parameters["tau"], signals["y"], array[0] = 1 * second, Signal("reward"), 7.0
    net.population("more", LIF(), n=1)
    assert spec.to_json() == before
    with pytest.raises(ValueError):
        spec.projections[0].connection.weights.values[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.dt = 2 * ms


# ---- refused texts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schema", [SCHEMA + 1, 0, "1", 1.5])
def test_another_schema_version(schema):
    """Also where the other version has fields that this one does not know."""
    data = json.loads(spec_of("pair_stdp").to_json())
    with pytest.raises(SNNError, match=f"reads networks of schema 1 to {SCHEMA}, but the JSON has schema {schema!r}"):
        NetworkSpec.from_json(json.dumps(data | {"schema": schema, "chip": {"type": "Chip"}}))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(NETWORKS)), st.data())
def test_damaged_json(name, data):
    """Cut, with a piece missing, or with characters changed: an SNNError, or a network that still is one."""
    text = spec_of(name).to_json()
    begin = data.draw(st.integers(0, len(text) - 1))
    length = data.draw(st.integers(1, 30))
    middle = data.draw(st.sampled_from(["", "0", '"', "null", "[", "}", "NaN", "-1e999", "é", '{"type":"LIF"}']))
    tail = "" if data.draw(st.booleans()) else text[begin + length :]
    try:
        spec = NetworkSpec.from_json(text[:begin] + middle + tail)
    except SNNError:
        return
    assert NetworkSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "null",
        "[]",
        "{}",
        '"x"',
        "{",
        "[" * 100_000,
        '{"type":"NetworkSpec"}',
        '{"type":["LIF"]}',
        '{"quantity":1}',
    ],
)
def test_what_is_no_network(text):
    with pytest.raises(SNNError):
        NetworkSpec.from_json(text)
    if text not in ("3", "null", "[]", '"x"'):
        with pytest.raises(SNNError):
            loads(text)


def test_a_description_of_something_else():
    with pytest.raises(SNNError, match="must describe a NetworkSpec, but it describes a LIF"):
        NetworkSpec.from_json(dumps(LIF()))
    with pytest.raises(SNNError, match=r"type 'Lif' is not known; choices: .*nearest: 'LIF'"):
        loads('{"type":"Lif"}')
    with pytest.raises(SNNError, match="cannot stand in a network's JSON"):
        dumps(object())


def test_nothing_in_a_text_is_executed(tmp_path, monkeypatch):
    """Names of classes, pickles in arrays and expressions in places of numbers are data."""
    spot = tmp_path / "executed"
    code = f"__import__('pathlib').Path({str(spot)!r}).touch()"
    data = json.loads(spec_of("own_neuron").to_json())
    population = data["populations"][0]["model"]
    for place, value in (
        ("threshold", code),
        ("reset", f"v = {code}"),
        ("model", f"dv/dt = {code} : 1\nI : 1"),
        ("refractory", code),
        ("kind", code),
    ):
        bad = json.loads(json.dumps(data))
        bad["populations"][0]["model"] = population | {place: value}
        with pytest.raises(SNNError):
            NetworkSpec.from_json(json.dumps(bad))
    for value in (
        {"type": "pathlib.Path", "args": [str(spot)]},
        {"type": "__import__"},
        {"array": base64.b64encode(pickle.dumps(spot)).decode(), "dtype": "|O", "shape": [1]},
        {"array": "", "dtype": "V8", "shape": [0]},
        {"array": "AAAA", "dtype": "<f8", "shape": [7]},
        {"array": "????", "dtype": "<f8", "shape": [0]},
        {"quantity": code, "dimensions": [0] * 7},
        {"quantity": 1.0, "dimensions": ["a"] * 7},
        {"quantity": 1.0, "dimensions": 3},
        {"mapping": code},
    ):
        with pytest.raises(SNNError):
            loads(json.dumps(value))
    assert not spot.exists()


# ---- hashes ------------------------------------------------------------------------------------------------------


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


# ---- weights put back --------------------------------------------------------------------------------------------


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
