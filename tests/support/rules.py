"""One plastic projection between neurons that are made to spike at given steps: what all tests of rules run."""

from __future__ import annotations

import numpy as np
from brian2 import ms

from snn import LIF, Dense, FromArray, Network, Signal, SpikeReadout, SpikeTrains
from snn.backends.program import Outcome, Samples
from snn.lowering.plan.names import block_names
from tests.support.runs import run

STEPS, N_PRE, N_POST = 60, 5, 3


def rasters(steps=STEPS, n_pre=N_PRE, n_post=N_POST, p=0.15, seed=0):
    """Random spikes of both sides; the first step has none."""
    rng = np.random.default_rng(seed)
    pre, post = (rng.random((steps, n)) < p for n in (n_pre, n_post))
    pre[0] = post[0] = False
    assert (pre.any(1) & post.any(1)).any()  # there are coincident pairs
    return pre, post


def network(rules, w, model=None, environment=None, dt=1.0, signals=(), connection=None, **options):
    """An input spike makes its neuron spike in the same step; the plastic synapses themselves move nobody.

    Of `rules`, a mapping of names, each has synapses of its own between the same neurons, with weights `w` (pre, post)
    to begin with. `options` maps names to options of `Network.connect`, and a `connection` takes the place of dense
    synapses. A `model` of the postsynaptic neurons is not driven by inputs.
    """
    n_pre, n_post = w.shape
    net = Network(inputs=SpikeTrains(n_pre + n_post), dt=dt * ms)
    told = {name: Signal(name, per="step", teacher=True) for name in signals}
    net.population("pre", LIF(v_th=1.0, reset="zero"), n=n_pre)
    net.population("post", model or LIF(v_th=1e6, reset="zero"), n=n_post, signals=told)
    net.readout(SpikeReadout("pre"))
    if environment is not None:
        net.environment(environment)
    drive = np.eye(n_pre + n_post)
    net.connect("inputs", "pre", Dense(FromArray(1.5 * drive[:, :n_pre])), name="drive pre")
    if model is None:
        net.connect("inputs", "post", Dense(FromArray(1.5e6 * drive[:, n_pre:])), name="drive post")
    for name, rule in rules.items():
        net.connect("pre", "post", connection or Dense(FromArray(w)), rule, name=name, **options.get(name, {}))
    return net.freeze()


def samples_of(pre, post, n=1, reset=True, **signals) -> Samples:
    """`n` samples of these spikes: those of `pre` arrive in the given steps, one step after being sent."""
    spikes = np.concatenate([np.roll(pre, -1, axis=0), post], axis=1).astype(float)
    x = spikes.reshape(n, -1, spikes.shape[1])
    on = np.ones(n, bool)
    given = {name: np.asarray(value, float).reshape(n, x.shape[1], -1) for name, value in signals.items()}
    return Samples(
        steps=x.shape[1],
        signals={"values": x, "label": np.ones(n, int), **given},
        learn=on,
        teach=on,
        reset=on & reset,
        preview=~on,
        record=on,
    )


def outcome_of(spec, pre, post, backend="runtime", dtype="float64", record=(), **stream) -> Outcome:
    """One run through given spikes, which the neurons are checked to have had."""
    outcome = run(spec, samples_of(pre, post, **stream), backend, dtype, record=record)
    assert outcome.totals["pre.spike_count"].tolist() == pre.sum(0).tolist()
    if any(projection.name == "drive post" for projection in spec.projections):
        assert outcome.totals["post.spike_count"].tolist() == post.sum(0).tolist()
    return outcome


def weights_of(spec, outcome) -> dict[str, np.ndarray]:
    """The plastic weights at the end, (pre, post), by the names of their rules."""
    shape = spec.sizes()["pre"], spec.sizes()["post"]
    blocks = {name: block for name, block in block_names(spec).items() if not name.startswith("drive")}
    return {name: outcome.state.arrays[f"{block}.weight"].reshape(shape) for name, block in blocks.items()}


def learned(rules, pre, post, w, backend="runtime", stream=None, record=(), **options) -> dict[str, np.ndarray]:
    """The weights after one run, by the names of their rules."""
    stream = {} if stream is None else stream
    signals = tuple(name for name in stream if name not in ("n", "reset"))
    spec = network(rules, np.asarray(w, float), signals=signals, **options)
    return weights_of(spec, outcome_of(spec, pre, post, backend, record=record, **stream))
