"""A network as data: exact JSON, and hashes that say what is compiled and what is an argument."""

from __future__ import annotations

import dataclasses
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
from snn.serial import dumps, loads

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
