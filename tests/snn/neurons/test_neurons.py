"""Neurons against NumPy programs that step them one by one."""

import dataclasses
from functools import partial

import numpy as np
import pytest
from brian2 import Hz, ms, mV

from snn import (
    AdEx,
    Constant,
    Dense,
    FromArray,
    Izhikevich,
    Network,
    ResonateAndFire,
    SpikeReadout,
    SpikeTrains,
    SynapticLIF,
)
from tests.support.choices import BACKENDS, slow_but
from tests.support.reference import (
    AdaptiveExponential,
    Oscillators,
    SimpleModel,
    SynapticCells,
    recurrent,
)
from tests.support.runs import run, samples_with

# Model of the package, independent stepper, dt in ms, refractory steps, size of a weight in the stepper's and SI units.
N_IN, N = 9, 11
MODELS = {
    "synaptic": (SynapticLIF(), SynapticCells, 1.0, 0, 3.0, 1.0),
    "synaptic, equal time constants, refractory": (
        SynapticLIF(tau_m=7 * ms, tau_syn=7 * ms, refractory=4 * ms),
        partial(SynapticCells, tau_m=7.0, tau_syn=7.0),
        1.0,
        4,
        1.0,
        1.0,
    ),
    "resonate": (ResonateAndFire(), Oscillators, 1.0, 0, 1.0, 1.0),
    "resonate, refractory": (
        ResonateAndFire(b=-30 * Hz, omega=250 * Hz, v_th=0.7, refractory=5 * ms),
        partial(Oscillators, b=-30.0, omega=250.0, v_th=0.7),
        1.0,
        5,
        1.0,
        1.0,
    ),
    "adex": (AdEx(), AdaptiveExponential, 0.1, 0, 20.0, 1e-9),
    "adex, late peak, refractory": (
        AdEx(v_peak=-30 * mV, refractory=0.7 * ms),
        partial(AdaptiveExponential, v_peak=-30.0),
        0.1,
        7,
        20.0,
        1e-9,
    ),
    "izhikevich": (Izhikevich(), SimpleModel, 0.5, 0, 30.0, 1.0),
    "izhikevich, chattering, refractory": (
        Izhikevich(c=-50.0, d=2.0, refractory=2 * ms),
        partial(SimpleModel, c=-50.0, d=2.0),
        0.5,
        4,
        30.0,
        1.0,
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", slow_but(MODELS, [name for name in MODELS if "refractory" not in name]))
def test_neurons(name, backend):
    """Spikes and state of a recurrent population after each of three samples that go on from one another."""
    model, stepper, dt, n_ref, size, unit = MODELS[name]
    rng = np.random.default_rng(1)
    x = (rng.random((3, 150, N_IN)) < 0.1).astype(float)
    w_in = size * rng.normal(0.5, 1, (N, N_IN)) / np.sqrt(N_IN)
    w_rec = 0.5 * size * rng.normal(0, 1, (N, N)) / np.sqrt(N)
    np.fill_diagonal(w_rec, 0)
    net = Network(inputs=SpikeTrains(N_IN), dt=dt * ms)
    net.population("hidden", model, n=N)
    net.readout(SpikeReadout("hidden", variable="y" if isinstance(model, ResonateAndFire) else "v"))
    net.connect("inputs", "hidden", Dense(FromArray(unit * w_in.T)))
    net.connect("hidden", "hidden", Dense(FromArray(unit * w_rec.T[~np.eye(N, dtype=bool)])))
    cells = stepper(N, n_ref)
    state = None
    for k, sample in enumerate(x):
        samples = dataclasses.replace(samples_with(sample[None], np.zeros(1, int)), reset=np.zeros(1, bool))
        outcome = run(net.freeze(), samples, backend, state=state, record=("hidden.spikes",))
        raster = recurrent(cells, sample, w_in, w_rec)
        assert 0.01 < raster.mean() < 0.4
        spikes = np.argwhere(raster) + np.array([k * len(sample), 0])
        np.testing.assert_array_equal(outcome.recordings["hidden.spikes"], spikes)
        for variable, value in cells.state().items():
            mine = outcome.state.arrays[f"hidden.{variable}"]
            np.testing.assert_allclose(mine, value, rtol=1e-9, atol=1e-9 * np.abs(value).max())
        state = outcome.state


@pytest.mark.parametrize(
    ("model", "weight"), [(AdEx(v_peak=29.6 * mV, refractory=3 * ms), 1e-7), (Izhikevich(refractory=3 * ms), 1e5)]
)
def test_upswings_stay_finite_in_single_precision(model, weight):
    """The latest peak there may be, input far beyond it, also while refractory; values that are not finite raise."""
    net = Network(inputs=SpikeTrains(1), dt=1 * ms)
    net.population("hidden", model, n=1)
    net.readout(SpikeReadout("hidden"))
    net.connect("inputs", "hidden", Dense(Constant(weight)))
    outcome = run(net.freeze(), samples_with(np.ones((1, 100, 1)), np.zeros(1, int)), dtype="float32")
    assert outcome.outputs["hidden.readout_score"][0] > 20
