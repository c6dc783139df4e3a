"""From gradients to weights: optimizers, batches, averages, decay and the online form against NumPy programs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import ALIF, LIF, Dense, EProp, FromArray, LeakyReadout, Network, Normal, SpikeTrains
from snn.backends.program import Samples
from snn.errors import NetworkError
from snn.plasticity.eprop.optimizers import Adam, GradientDescent
from tests.support.choices import BACKENDS, slow_but
from tests.support.reference import Cells, EPropNetwork
from tests.support.runs import first_weights, run

N_IN, N, CLASSES, STEPS, SAMPLES = 7, 8, 3, 40, 7
OFF_DIAGONAL = ~np.eye(N, dtype=bool)


@dataclasses.dataclass(frozen=True)
class Options:
    """What is asked of the rule and of the reference, in steps and spikes per step."""

    lr: float = 0.01
    feedback: str = "symmetric"
    adam: tuple[float, float, float] | None = None
    batch: int | None = None
    average: bool = False
    window: int | None = None
    decay: float | None = None
    c_reg: float | None = None
    online: bool = False
    adaptive: bool = False  # thresholds
    loss: str = "cross_entropy"


ADAM = (0.9, 0.999, 1e-8)


def build(options: Options):
    """The same network for the package and for the reference, and its input and labels."""
    rng = np.random.default_rng(3)
    w_in = rng.normal(0, 1.2, (N, N_IN)) / np.sqrt(N_IN)
    w_rec = rng.normal(0, 1, (N, N)) / np.sqrt(N) * OFF_DIAGONAL
    w_out = rng.normal(0, 1, (CLASSES, N))
    x = (rng.random((SAMPLES, STEPS, N_IN)) < 0.12).astype(float)
    labels = rng.integers(0, CLASSES, SAMPLES)
    beta, tau_a = (0.15, 40.0) if options.adaptive else (0.0, 1.0)
    model = LIF(tau_m=15 * ms, v_th=0.5, refractory=2 * ms)
    if options.adaptive:
        model = ALIF(tau_m=15 * ms, v_th=0.5, refractory=2 * ms, beta=beta, tau_a=tau_a * ms)
    rule = EProp(
        lr=options.lr,
        feedback=options.feedback,
        feedback_weights=Normal(gain=1.3),
        variant="online" if options.online else "per-sample",
        optimizer=GradientDescent() if options.adam is None else Adam(*options.adam),
        batch=options.batch,
        average=options.average,
        weight_decay=options.decay,
        rate_strength=options.c_reg,
        rate_target=20 * Hz,
        rate_tau=30 * ms,
    )
    net = Network(inputs=SpikeTrains(N_IN), dt=1 * ms)
    net.population("hidden", model, n=N)
    window = None if options.window is None else options.window * ms
    net.readout(LeakyReadout(CLASSES, tau=8 * ms, loss=options.loss, learning_window=window))
    net.connect("inputs", "hidden", Dense(FromArray(w_in.T.ravel())), rule)
    net.connect("hidden", "hidden", Dense(FromArray(w_rec.T[OFF_DIAGONAL])), rule)
    net.connect("hidden", "readout", Dense(FromArray(w_out.T.ravel())), rule)
    reference = EPropNetwork(
        Cells(N, tau_m=15.0, v_th=0.5, n_ref=2, zeta=1.0, beta=beta, tau_a=tau_a),
        w_in,
        w_rec,
        w_out,
        b=np.zeros((CLASSES, N)),
        tau_out=8.0,
        lr=options.lr,
        feedback=options.feedback,
        loss=options.loss,
        c_reg=options.c_reg or 0.0,
        f_target=0.02,
        window=options.window,
        adam=options.adam,
        batch=options.batch or 1,
        average=options.average,
        decay=options.decay or 0.0,
    )
    return net.freeze(), reference, x, labels


def samples_of(x, labels, learn=True, reset=True) -> Samples:
    on = np.ones(len(x), bool)
    signals = {"values": x, "label": labels}
    return Samples(STEPS, signals, learn=on & learn, teach=on, reset=on & reset, preview=on & False, record=on)


def weights(outcome) -> dict[str, np.ndarray]:
    return {k: a for k, a in outcome.state.arrays.items() if k.endswith("weight")}


def expected(reference: EPropNetwork) -> dict[str, np.ndarray]:
    found = {
        "inputs_to_hidden.weight": reference.w_in.T.ravel(),
        "hidden_to_hidden.weight": reference.w_rec.T[OFF_DIAGONAL],
        "hidden_to_readout.weight": reference.w_out.T.ravel(),
    }
    if reference.feedback != "symmetric":
        found["hidden_to_readout.feedback_weight"] = reference.b.T.ravel()
    return found


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], rtol=1e-9) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, rtol=rtol, atol=1e-3 * rtol, err_msg=name)


def check(options: Options, backend="runtime") -> None:
    """The weights after all samples, and that those of every projection have changed."""
    spec, reference, x, labels = build(options)
    first = first_weights(spec)
    if options.feedback != "symmetric":
        reference.b = first["hidden_to_readout.feedback_weight"].reshape(N, CLASSES).T.copy()
    outcome = run(spec, samples_of(x, labels, reset=not options.online), backend, record=("hidden.spikes",))
    if options.online:
        raster = reference.stream(x.reshape(-1, N_IN), np.eye(CLASSES)[labels.repeat(STEPS)], tau_rate=30.0)
    else:
        targets = np.eye(CLASSES)[labels][:, None].repeat(STEPS, axis=1)
        raster = np.concatenate([reference.sample(*sample)[1] for sample in zip(x, targets, strict=True)])
    assert raster.sum() > 100
    np.testing.assert_array_equal(outcome.recordings["hidden.spikes"], np.argwhere(raster))
    assert_same(weights(outcome), expected(reference))
    for name, before in first.items():
        if options.feedback != "random" or "feedback" not in name:
            assert np.abs(weights(outcome)[name] - before).max() > 1e-3, name


PER_SAMPLE = {
    "gradient descent": Options(lr=0.03),
    "adam": Options(adam=ADAM),
    "adam, other numbers": Options(adam=(0.5, 0.7, 0.1), lr=0.1),
    "adam, no memory": Options(adam=(0.0, 0.0, 1e-3)),
    "adam, regularised": Options(adam=ADAM, c_reg=3.0),
    "batch": Options(batch=3, lr=0.05),
    "batch, regularised": Options(batch=3, lr=0.05, c_reg=3.0),
    "batch, adam": Options(batch=3, adam=ADAM),
    "batch, adam, regularised, averaged, decay": Options(
        batch=3, adam=ADAM, c_reg=3.0, average=True, decay=0.3, adaptive=True
    ),
    "average": Options(average=True, lr=1.0),
    "average in a window": Options(average=True, window=15, lr=1.0),
    "average in a window, regularised, batch": Options(average=True, window=15, lr=1.0, c_reg=3.0, batch=2),
    "average in a window longer than a sample": Options(average=True, window=STEPS, lr=1.0),
    "decay": Options(decay=0.5),
    "decay, adam": Options(decay=0.5, adam=ADAM),
    "decay, batch": Options(decay=0.5, batch=2),
    "random feedback": Options(feedback="random", lr=0.03),
    "adaptive feedback": Options(feedback="adaptive", lr=0.03),
    "adaptive feedback, decay": Options(feedback="adaptive", decay=0.5),
    "adaptive feedback, decay, adam, batch": Options(feedback="adaptive", decay=0.5, adam=ADAM, batch=2),
    "squared error, adaptive thresholds": Options(loss="squared_error", adaptive=True, adam=ADAM, c_reg=2.0),
}


TELLING = {"batch, adam, regularised, averaged, decay", "adaptive feedback, decay, adam, batch"}
"""Between them they have everything; the others tell what is wrong if something is."""


@pytest.mark.parametrize("name", slow_but(PER_SAMPLE, TELLING))
def test_updates_at_the_end_of_samples(name):
    check(PER_SAMPLE[name])


ONLINE = {
    "online": Options(online=True, lr=0.003),
    "online, adam": Options(online=True, lr=0.001, adam=ADAM),
    "online, regularised": Options(online=True, lr=0.003, c_reg=2.0),
    "online, regularised, adam, adaptive thresholds": Options(
        online=True, lr=0.001, adam=ADAM, c_reg=2.0, adaptive=True
    ),
    "online, adaptive feedback, decay": Options(online=True, lr=0.003, feedback="adaptive", decay=0.1),
    "online, random feedback, squared error": Options(
        online=True, lr=0.003, feedback="random", loss="squared_error", adaptive=True
    ),
}


@pytest.mark.parametrize("name", slow_but(ONLINE, ["online, regularised, adam, adaptive thresholds"]))
def test_updates_in_every_step(name):
    check(ONLINE[name])


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        PER_SAMPLE["batch, adam, regularised, averaged, decay"],
        PER_SAMPLE["adaptive feedback, decay, adam, batch"],
        ONLINE["online, regularised, adam, adaptive thresholds"],
    ],
)
def test_updates_compiled(options):
    check(options, "standalone")


@pytest.mark.parametrize("options", [
    pytest.param(Options(), marks=pytest.mark.slow),
    Options(adam=ADAM, decay=0.5, batch=2),
    pytest.param(Options(online=True, decay=0.5), marks=pytest.mark.slow),
])  # fmt: skip
def test_a_rate_of_0_changes_nothing(options):
    spec, _, x, labels = build(dataclasses.replace(options, lr=0.0, c_reg=1.0, feedback="adaptive"))
    before = first_weights(spec)
    outcome = run(spec, samples_of(x, labels))
    for name, array in weights(outcome).items():
        np.testing.assert_array_equal(array, before[name])
    assert not sum(a.sum() for k, a in outcome.totals.items() if k.endswith("writes"))


@pytest.mark.slow
def test_a_batch_of_one_is_the_plain_form():
    spec, _, x, labels = build(Options(adam=ADAM, c_reg=1.0, average=True, decay=0.1))
    other, _, _, _ = build(Options(adam=ADAM, c_reg=1.0, average=True, decay=0.1, batch=1))
    found, expected = (weights(run(one, samples_of(x, labels))) for one in (other, spec))
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-10, atol=1e-12)
    counters = [v.name for v in spec.projections[0].rule.equations(LIF()).neuron_variables]
    assert "batched" not in counters and "due" not in counters


@pytest.mark.slow
def test_an_unfinished_batch_waits():
    spec, _, x, labels = build(Options(batch=5, adam=ADAM, decay=0.1, c_reg=1.0, feedback="adaptive"))
    before = first_weights(spec)
    outcome = run(spec, samples_of(x[:4], labels[:4]))
    for name, array in weights(outcome).items():
        np.testing.assert_array_equal(array, before[name])
    after = weights(run(spec, samples_of(x[:5], labels[:5])))
    assert all(np.abs(after[name] - before[name]).max() > 1e-3 for name in before)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "options",
    [
        Options(batch=3, adam=ADAM, c_reg=1.0, feedback="adaptive", decay=0.2),
        pytest.param(Options(online=True, adam=ADAM, c_reg=1.0, lr=0.001), marks=pytest.mark.slow),
    ],
    ids=["batch", "online"],
)
def test_a_run_in_pieces_is_the_whole(options, backend, tmp_path):
    """Moments, counters and sums of a batch go on, also from a file."""
    from snn.backends.program import State

    spec, _, x, labels = build(options)
    whole = run(spec, samples_of(x, labels, reset=not options.online), backend)
    state = None
    for start, stop in ((0, 4), (4, SAMPLES)):  # in the middle of the second batch
        piece = samples_of(x[start:stop], labels[start:stop], reset=not options.online)
        state = run(spec, piece, backend, state=state).state
        state.save(tmp_path / "state.npz")
        state = State.load(tmp_path / "state.npz")
    assert {"inputs_to_hidden.m", "inputs_to_hidden.s"} <= state.arrays.keys()
    assert any(name.endswith("updates") for name in state.arrays)
    for name, array in whole.state.arrays.items():
        np.testing.assert_array_equal(state.arrays[name], array, err_msg=name)


MISTAKES = {
    "optimizer": (EProp(optimizer="adam"), "`optimizer` of the rule of inputs->hidden must be given as GradientDesc"),
    "beta_1": (EProp(optimizer=Adam(beta_1=1.0)), "`beta_1 < 1` must hold, but the optimizer of the rule of inputs"),
    "beta_2": (EProp(optimizer=Adam(beta_2=1.5)), "`beta_2 <= 1` must hold"),
    "epsilon": (EProp(optimizer=Adam(epsilon=0.0)), "`epsilon > 0` must hold"),
    "batch": (EProp(batch=0), "`batch >= 1` must hold"),
    "whole batch": (EProp(batch=1.5), "`batch` of the rule of inputs->hidden must be a whole number"),
    "average": (EProp(average="yes"), "`average` of the rule of inputs->hidden must be True or False"),
    "decay": (EProp(weight_decay=-0.1), "`weight_decay >= 0` must hold"),
    "variant": (EProp(variant="on-line"), "nearest: 'online'"),
    "online batch": (EProp(variant="online", batch=2), "`batch` and `average` are for variant='per-sample'"),
    "online average": (EProp(variant="online", average=True), "`batch` and `average` are for variant='per-sample'"),
    "rate_strength": (EProp(rate_strength=-1), "`rate_strength >= 0` must hold"),
    "rate_tau": (EProp(rate_tau=0 * ms), "`rate_tau > 0 second` must hold"),
    "rate_target": (EProp(rate_target=-1 * Hz), "`rate_target >= 0 hertz` must hold"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told(name):
    rule, part = MISTAKES[name]
    net = Network(inputs=SpikeTrains(3), dt=1 * ms)
    net.population("hidden", LIF(), n=2)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "hidden", Dense(), rule)
    net.connect("hidden", "readout", Dense())
    with pytest.raises(NetworkError) as caught:
        net.freeze()
    assert part in str(caught.value) and len(caught.value.problems) == 1
