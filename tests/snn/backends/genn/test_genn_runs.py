"""Runs on GeNN, on its code for the CPU and on a GPU, compared with the other backends; each is built for a while."""

import dataclasses

import numpy as np
import pytest
from brian2 import ms
from optuna.trial import FixedTrial

from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from tasks import Digits
from tasks.running.batch import together
from tests.benchmarks.digits_study import digits_study
from tests.support.networks import NETWORKS, eprop_lif, spec_of, stream_for
from tests.support.runs import assert_same

pytestmark = [pytest.mark.genn, pytest.mark.slow]

DIGITS = {"rate_hz": 200.0, "tau_m_ms": 20.0, "v_th": 0.7, "n": 160, "tau_out_ms": 4.0, "gain": 1.0}
DIGITS |= {"lr": 1e-4, "lr_out": 0.05}
SPIKES = RunOptions(record=("spikes",))
EVERY_STEP = ("reward_stdp_step", "eprop_online", "eprop_online_adam")  # more rounds a step, and no lag


def run(backend, candidates, samples, dtype="float64"):
    """Outcomes from the beginning."""
    program = load_program(candidates[0], backend, dtype)
    return program.advance(candidates, samples, [None] * len(candidates), SPIKES)


@pytest.mark.parametrize("name", [*NETWORKS, *EVERY_STEP, "turns", "local_rules"])
def test_the_same_network_gives_the_same(on_genn, name):
    """Spikes and counters equal, weights to 1e-9, after three samples, whenever the rule writes."""
    candidates, samples = [Candidate(spec_of(name), 3)], [stream_for(name, n=3)]
    (expected,), (given,) = run("standalone", candidates, samples), run(on_genn, candidates, samples)
    assert_same(expected, given, 1e-9)


def test_previews_are_undone(on_genn):
    samples = dataclasses.replace(stream_for("pair_stdp", n=3, gap=2), preview=np.array([False, True, True]))
    candidates = [Candidate(spec_of("pair_stdp"), 3)]
    (expected,), (given,) = run("standalone", candidates, [samples]), run(on_genn, candidates, [samples])
    assert_same(expected, given, 1e-9)


def test_a_population_gives_each_what_it_gives_alone(on_genn):
    """Three candidates with numbers, sizes and weights of their own in one simulation."""
    rates = (0.01, 0.02, 0.04)
    candidates = [Candidate(eprop_lif(lr=rate).freeze(), seed) for seed, rate in enumerate(rates)]
    samples = [stream_for("eprop_lif", n=3) for _ in candidates]
    for expected, given in zip(run("standalone", candidates, samples), run(on_genn, candidates, samples), strict=True):
        assert_same(expected, given, 1e-9)


def test_digits_are_learned_as_well(on_genn):
    """The mean accuracy of eight seeds, in one simulation and by the compiled program: within two standard errors.

    The seeds are the same, so only what rounding does to single spikes is between them.
    """
    spec = digits_study().network(FixedTrial(DIGITS)).freeze()
    task, common = Digits(sample=30 * ms), {"dtype": "float32", "record": (), "upto": 1.0, "after": None}
    common |= dict.fromkeys(("timeout", "cancel", "profile", "memory")) | {"test": False, "settling": False}

    def accuracies(backend):
        results = together([task.calls(spec, seed=seed, backend=backend, **common) for seed in range(8)])
        return np.array([result.accuracy for result in results])

    ours, theirs = accuracies(on_genn), accuracies("standalone")
    error = np.sqrt((ours.var(ddof=1) + theirs.var(ddof=1)) / len(ours))
    assert theirs.mean() > 0.85 and abs(ours.mean() - theirs.mean()) < 2 * error
