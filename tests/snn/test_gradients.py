"""What e-prop learns from one sample against exact gradients of the same network (`tests/snn/unrolled.py`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from snn import (
    ALIF,
    LIF,
    AdEx,
    Dense,
    EProp,
    FromArray,
    Izhikevich,
    LeakyReadout,
    Network,
    Neuron,
    PiecewiseLinear,
    ResonateAndFire,
    SpikeTrains,
    SynapticLIF,
)
from snn.backends.program import Samples
from tests.snn import unrolled
from tests.snn.networks import run
from tests.snn.unrolled import Cell, Unrolled, Weights

N_IN, N, N_OUT = 4, 5, 2
TAU_OUT = 13.0  # ms


def two_compartments(refractory) -> Neuron:
    return Neuron(
        "dv/dt = (g*(d - v) - v)/tau : 1\ndd/dt = (I + g*(v - d) - d)/tau : 1\nI : 1",
        threshold="v > 1",
        reset="d = 0.5*d + 0.1 + v/10\nv = 0.2",
        refractory=refractory,
        parameters={"tau": 9 * ms, "g": 0.7},
    )


def pulsed(refractory) -> Neuron:
    return Neuron(
        "dv/dt = -v/tau : 1",
        threshold="v > 1",
        reset="v = 0",
        refractory=refractory,
        input="v",
        parameters={"tau": 12 * ms},
    )


@dataclass(frozen=True)
class Case:
    """A neuron of the package with a given refractory time, the same written out, and fitting numbers."""

    model: Callable[[Any], Any]
    cell: Cell
    size: float  # of weights, in SI units: neurons spike
    dt: float = 1.0  # ms
    scale: float = 1.0  # of the surrogate, in SI units: what the package takes where it is not given
    surrogate: Any = ()  # height, width and, where it must be given, scale


CASES = {
    "lif": Case(
        lambda r: LIF(tau_m=15 * ms, v_th=0.6, refractory=r),
        unrolled.lif(15.0, 0.6, 1.0, zeta=1.0),
        size=0.4,
        scale=0.6,
        surrogate=(0.3, 1.0),
    ),
    "lif, hard reset": Case(
        lambda r: LIF(tau_m=9 * ms, v_th=0.8, refractory=r, reset="zero"),
        unrolled.lif(9.0, 0.8, 1.0, "zero", zeta=1.0),
        size=0.56,
        scale=0.8,
        surrogate=(0.5, 1.5),
    ),
    "lif, scaled input": Case(
        lambda r: LIF(tau_m=20 * ms, v_th=0.03, refractory=r, input_scale="leak"),
        unrolled.lif(20.0, 0.03, 1.0),
        size=0.32,
        scale=0.03,
        surrogate=(0.3, 1.0),
    ),
    "alif": Case(
        lambda r: ALIF(tau_m=15 * ms, v_th=0.6, beta=0.15, tau_a=40 * ms, refractory=r),
        unrolled.lif(15.0, 0.6, 1.0, zeta=1.0, beta=0.15, tau_a=40.0),
        size=0.56,
        scale=0.6,
        surrogate=(0.3, 1.0),
    ),
    "alif, hard reset": Case(
        lambda r: ALIF(tau_m=15 * ms, v_th=0.6, beta=0.2, tau_a=90 * ms, refractory=r, reset="zero"),
        unrolled.lif(15.0, 0.6, 1.0, "zero", zeta=1.0, beta=0.2, tau_a=90.0),
        size=0.8,
        scale=0.6,
        surrogate=(0.4, 1.2),
    ),
    "synaptic": Case(
        lambda r: SynapticLIF(tau_m=15 * ms, tau_syn=6 * ms, v_th=0.5, refractory=r),
        unrolled.lif(15.0, 0.5, 1.0, held=6.0),
        size=0.8,
        scale=0.5,
        surrogate=(0.3, 1.0),
    ),
    "synaptic, hard reset": Case(
        lambda r: SynapticLIF(tau_m=15 * ms, tau_syn=6 * ms, v_th=0.5, refractory=r, reset="zero"),
        unrolled.lif(15.0, 0.5, 1.0, "zero", held=6.0),
        size=0.9,
        scale=0.5,
        surrogate=(0.3, 1.0),
    ),
    "resonate": Case(
        lambda r: ResonateAndFire(b=-40 * Hz, omega=150 * Hz, v_th=0.7, refractory=r),
        unrolled.resonate_and_fire(-40.0, 150.0, 0.7, 1e-3),
        size=0.8,
        scale=0.7,
        surrogate=(0.3, 1.5),
    ),
    "two compartments": Case(
        two_compartments,
        unrolled.two_compartments(9.0, 0.7, 1.0),
        size=21.0,
        surrogate=(0.3, 1.0),
    ),
    "pulsed": Case(pulsed, unrolled.pulsed(12.0, 1.0), size=0.8, surrogate=(0.3, 1.0)),
    "adex": Case(
        lambda r: AdEx(refractory=r),
        unrolled.adex(0.2e-3),
        size=2e-8,
        dt=0.2,
        scale=30e-3,
        surrogate=(0.3, 1.2, 30 * mV),
    ),
    "izhikevich": Case(
        lambda r: Izhikevich(refractory=r),
        unrolled.izhikevich(0.5),
        size=80.0,
        dt=0.5,
        scale=95.0,
        surrogate=(0.3, 1.2, 95.0),
    ),
}


@dataclass(frozen=True)
class Setting:
    steps: int
    recurrent: bool = True
    silent: bool = False
    n_ref: int = 0


SETTINGS = (
    Setting(3, recurrent=False),
    Setting(10),
    Setting(50, recurrent=False, n_ref=3),
    Setting(50, silent=True),
    Setting(50, n_ref=4),
    Setting(200),
    Setting(200, recurrent=False),
    Setting(200, recurrent=False, silent=True),
)


@cache
def sample(name: str, setting: Setting) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Weights, input spikes and targets."""
    rng = np.random.default_rng(7)
    size = CASES[name].size * (0.03 if setting.silent else 1)
    w_in = size * rng.uniform(-0.3, 1.2, (N, N_IN))
    w_rec = size * rng.normal(0, 0.6, (N, N)) * setting.recurrent
    np.fill_diagonal(w_rec, 0)
    x = (rng.random((setting.steps, N_IN)) < 0.2).astype(float)
    return Weights(w_in, w_rec, rng.normal(0, 1, (N_OUT, N))), x, rng.normal(0, 0.5, (setting.steps, N_OUT))


@cache
def exact(name: str, setting: Setting, through_reset: bool = False) -> Unrolled:
    case = CASES[name]
    height, width = case.surrogate[:2]
    return unrolled.unroll(
        case.cell,
        *sample(name, setting),
        kappa=np.exp(-case.dt / TAU_OUT),
        height=height / case.scale,
        width=width * case.scale,
        n_ref=setting.n_ref,
        through_reset=through_reset,
    )


def learned(name: str, setting: Setting, backend="runtime", rules=None):
    """One sample: spikes, losses, and the weights before and after, by projections."""
    case, (weights, x, target) = CASES[name], sample(name, setting)
    rules = rules or {}
    net = Network(inputs=SpikeTrains(N_IN), dt=case.dt * ms)
    net.population("hidden", case.model(setting.n_ref * case.dt * ms), n=N)
    net.readout(LeakyReadout(N_OUT, tau=TAU_OUT * ms, loss="squared_error", target="target"))
    before = {"w_in": weights.w_in.T.ravel(), "w_out": weights.w_out.T.ravel()}
    net.connect("inputs", "hidden", Dense(FromArray(before["w_in"])), rules.get("w_in"))
    if setting.recurrent:
        before["w_rec"] = synapses(weights.w_rec)
        net.connect("hidden", "hidden", Dense(FromArray(before["w_rec"])), rules.get("w_rec"))
    net.connect("hidden", "readout", Dense(FromArray(before["w_out"])), rules.get("w_out"))
    on, off = np.ones(1, bool), np.zeros(1, bool)
    samples = Samples(
        steps=setting.steps,
        signals={"values": x[None], "target": target[None]},
        learn=on,
        teach=on,
        reset=on,
        preview=off,
        record=on,
    )
    outcome = run(net.freeze(), samples, backend, record=("hidden.spikes",))
    ends = {"w_in": "inputs_to_hidden", "w_rec": "hidden_to_hidden", "w_out": "hidden_to_readout"}
    after = {k: outcome.state.arrays[f"{ends[k]}.weight"] for k in before}
    return outcome, before, after


def synapses(recurrent: np.ndarray) -> np.ndarray:
    """A matrix (post, pre) in the order of a recurrent projection's synapses, which has no autapses."""
    return recurrent.T[~np.eye(N, dtype=bool)]


def describe(setting: Setting) -> str:
    kind = ["feed-forward", "recurrent"][setting.recurrent] + " silent" * setting.silent
    return f"{setting.steps} {kind} {setting.n_ref}"


DEFAULT = Setting(50, n_ref=4)
IN_CI = (Setting(3, recurrent=False), Setting(50, silent=True), Setting(200))


def in_all_settings(test):
    """Every setting: one by default, which has everything in it; three more when slow, and the rest nightly."""
    marks = {DEFAULT: []} | {setting: [pytest.mark.slow] for setting in IN_CI}
    params = [pytest.param(s, id=describe(s), marks=marks.get(s, [pytest.mark.nightly])) for s in SETTINGS]
    return pytest.mark.parametrize("setting", params)(test)


@in_all_settings
@pytest.mark.parametrize("name", CASES)
def test_the_network_written_out_spikes_as_the_package(name, setting):
    outcome, _, _ = learned(name, setting)
    mine = exact(name, setting)
    if setting.silent:
        assert not mine.spikes.any()
    elif setting.steps >= 50:
        assert 0.05 < mine.spikes.mean() < 0.3
    np.testing.assert_array_equal(outcome.recordings["hidden.spikes"], np.argwhere(mine.spikes))
    assert outcome.outputs["readout.loss"].sum() == pytest.approx(mine.loss, rel=1e-10)


def assert_gradient(name, setting, through_reset=False, backend="runtime"):
    """(before - after)/lr is the exact gradient; each projection has a rate at which its weights change by a tenth."""
    mine = exact(name, setting, through_reset)
    weights = sample(name, setting)[0]
    gradients = {"w_in": mine.gradients.w_in.T.ravel(), "w_out": mine.gradients.w_out.T.ravel()}
    if setting.recurrent:
        gradients["w_rec"] = synapses(mine.gradients.w_rec)
    options: dict[str, Any] = {"through_reset": True} if through_reset else {}
    rules, sizes = {}, {}
    for k, gradient in gradients.items():
        sizes[k] = np.abs(gradient).max()
        assert sizes[k] > 0 or (k != "w_in" and (setting.silent or setting.steps < 50))
        rate = 0.1 * np.abs(getattr(weights, k)).max() / sizes[k] if sizes[k] > 0 else 1.0
        rules[k] = EProp(lr=float(rate), surrogate=PiecewiseLinear(*CASES[name].surrogate), **options)
    _, before, after = learned(name, setting, backend, rules)
    for k, gradient in gradients.items():
        found = (before[k] - after[k]) / rules[k].lr
        assert np.abs(found - gradient).max() <= 1e-10 * sizes[k], k


@pytest.mark.parametrize("through_reset", (False, True))
@in_all_settings
@pytest.mark.parametrize("name", CASES)
def test_eprop_is_the_gradient(name, setting, through_reset):
    assert_gradient(name, setting, through_reset)


@pytest.mark.parametrize("name", [pytest.param(k, marks=[pytest.mark.slow] * (k != "alif")) for k in CASES])
def test_eprop_is_the_gradient_compiled(name):
    assert_gradient(name, Setting(50, n_ref=4), True, "standalone")
