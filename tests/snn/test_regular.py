"""`Regular` counts: the whole part of phase + sum of value*rate*dt + 1e-9, in both precisions, on all backends."""

from __future__ import annotations

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import LIF, Dense, LeakyReadout, Network, Regular, SNNError
from snn.backends.genn.engine.simulate import rehearse
from snn.backends.program import DTYPES, Candidate, Samples
from snn.backends.registry import load_program
from tests.support.choices import COMPILED

VALUES = np.array([1.0, 0.5, 0.1, 0.7, 0.3, 1 / 3, 0.9999, 0.0, 1e-3])
RATES = (50.0, 100.0, 125.0, 200.0, 300.0, 333.3333333333333, 500.0, 1000.0)


def candidate(rate, phase, dt=1 * ms):
    net = Network(inputs=Regular(len(VALUES), rate=rate * Hz, phase=phase), dt=dt)
    net.population("out", LIF(), n=2)
    net.readout(LeakyReadout(2))
    net.connect("inputs", "out", Dense())
    net.connect("out", "readout", Dense())
    return Candidate(net.freeze(), 3)


def samples(steps, n=1, gap=0, reset=True, values=VALUES):
    on = np.ones(n, bool)
    signals = {"values": np.tile(values, (n, 1)), "label": np.zeros(n, int)}
    return Samples(steps, signals, on, on, on & reset, ~on, on, gap=gap)


def count(outcome):
    return outcome.totals["inputs.spike_count"]


def expected(rate, phase, steps, dt=1e-3):
    return np.floor(phase + VALUES * rate * dt * steps + 1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("phase", [0.0, 0.5])
def test_no_spike_is_lost_or_added_by_rounding(dtype, phase):
    program = load_program(candidate(100.0, 0.0), "standalone", dtype)
    for steps in (30, 100, 1000, 3000):
        rows = [candidate(rate, phase) for rate in RATES]
        outcomes = program.advance(rows, [samples(steps)] * len(rows), [None] * len(rows))
        for rate, outcome in zip(RATES, outcomes, strict=True):
            np.testing.assert_array_equal(count(outcome), expected(rate, phase, steps), err_msg=f"{rate} {steps}")


def test_a_million_steps_lose_nothing():
    (outcome,) = load_program(candidate(100.0, 0.0), "standalone", "float32").advance(
        [candidate(333.3333333333333, 0.0)], [samples(10**6)], [None]
    )
    np.testing.assert_array_equal(count(outcome), expected(333.3333333333333, 0.0, 10**6))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("backend", ["runtime", pytest.param("runtime:cython", marks=pytest.mark.nightly)])
def test_candidates_side_by_side_count_as_each_alone(backend, dtype):
    rates = (100.0, 300.0, 333.3333333333333)
    rows = [candidate(rate, 0.0) for rate in rates]
    program = load_program(rows[0], backend, dtype)
    outcomes = program.advance(rows, [samples(100)] * 3, [None] * 3)
    for rate, outcome in zip(rates, outcomes, strict=True):
        np.testing.assert_array_equal(count(outcome), expected(rate, 0.0, 100))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
def test_rounds_of_genn_count_the_same(dtype):
    outcome = rehearse(candidate(333.3333333333333, 0.3), samples(20, n=2, gap=2), None, DTYPES[dtype])
    np.testing.assert_array_equal(count(outcome), 2 * expected(333.3333333333333, 0.3, 20))


@pytest.mark.parametrize("backend", COMPILED)
def test_phases_go_on_from_sample_to_sample_and_from_run_to_run(backend):
    """A sum over four samples, in one run and in two; a preview in between leaves no trace."""
    one = candidate(333.3333333333333, 0.25)
    program = load_program(one, backend, "float32")
    (whole,) = program.advance([one], [samples(31, n=4, gap=3, reset=False)], [None])
    np.testing.assert_array_equal(count(whole), expected(333.3333333333333, 0.25, 4 * 31))
    (first,) = program.advance([one], [samples(31, n=2, gap=3, reset=False)], [None])
    (second,) = program.advance([one], [samples(31, n=2, gap=3, reset=False)], [first.state])
    np.testing.assert_array_equal(count(first) + count(second), count(whole))
    np.testing.assert_array_equal(second.state.arrays["inputs.phase"], whole.state.arrays["inputs.phase"])
    assert second.state.arrays["inputs.phase"].dtype == np.int64


def test_the_largest_phase_and_value_fit():
    """Phase 1 and one spike a step: the count can be no more than one in each step."""
    for backend in ("standalone", "runtime"):
        program = load_program(candidate(1000.0, 1.0), backend, "float32")
        (outcome,) = program.advance([candidate(1000.0, 1.0)], [samples(40)], [None])
        assert count(outcome)[0] == 40


@pytest.mark.parametrize("values", [VALUES * 2, VALUES - 0.5])
def test_values_beyond_one_are_refused(values):
    one = candidate(100.0, 0.0)
    with pytest.raises(SNNError, match="needs values from 0 to 1, but the task gives values from"):
        load_program(one, "runtime", "float64").advance([one], [samples(5, values=values)], [None])
