"""How a task scores: nothing leaks, nothing is touched that should not be, seeds decide everything."""

import dataclasses
import resource
import threading
from dataclasses import dataclass

import numpy as np
import pytest
from brian2 import Hz, ms

from snn import (
    LIF,
    DeltaRule,
    Dense,
    Factor,
    HomeostaticLIF,
    Network,
    Poisson,
    Regular,
    RewardSTDP,
    Signal,
    SNNError,
    SpikeReadout,
    Uniform,
)
from snn.errors import Cancelled, NetworkError, RunTimeout
from snn.serial import serialisable
from tasks import Data, Task
from tasks.running import run
from tasks.running.run import decide, writes_during_sample
from tests.support.corners import CLASSES, INPUTS, Corners, N, learner, taught


def test_the_stream_is_learned_and_every_part_is_scored_on_its_own_samples():
    task = Corners()
    result = task.run(learner(), seed=4, test=True)
    split = task.split(N)
    assert sorted(result.stream.labels) == sorted(task.data.labels[split.stream])
    np.testing.assert_array_equal(result.validation.labels, task.data.labels[split.validation])
    np.testing.assert_array_equal(result.test.labels, task.data.labels[split.test])
    assert len({*split.stream, *split.validation, *split.test}) == N
    assert result.accuracy > 0.8  # chance is 0.25: 20 samples at chance exceed 0.8 with probability 1e-7
    assert result.prequential_curve(10)[-1] > result.prequential_curve(10)[4]


def test_the_test_part_is_scored_only_when_asked_and_changes_nothing():
    without, with_test = (Corners().run(learner(), seed=4, test=test) for test in (False, True))
    assert without.test is None and without.test_accuracy is None
    assert with_test.test is not None
    np.testing.assert_array_equal(without.stream.predictions, with_test.stream.predictions)
    np.testing.assert_array_equal(without.validation.predictions, with_test.validation.predictions)


def test_seeds_decide_order_and_numbers():
    a, again, other = (Corners().run(learner(), seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(a.stream.losses, again.stream.losses)
    for name in a.weights:
        np.testing.assert_array_equal(a.weights[name], again.weights[name])
    assert not np.array_equal(a.stream.labels, other.stream.labels)
    assert not np.array_equal(a.weights["inputs->hidden"], other.weights["inputs->hidden"])


def test_without_learning_weights_stay():
    result = Corners().run(learner(lr=0.0), seed=4)
    assert result.counts["weight_writes"] == 0
    from snn.backends.program import Candidate

    drawn = Candidate(learner(lr=0.0).freeze(), 4).plan.synapses["inputs_to_hidden"].variables["weight"].value
    np.testing.assert_array_equal(result.weights["inputs->hidden"], drawn.astype(np.float32))


@pytest.mark.slow
def test_a_teacher_does_not_leak_its_label():
    """A teacher that makes the right neuron fire: the score is as if there were none (samples tell nothing here)."""
    task = Corners(informative=False)
    strong, absent = (task.run(taught(gain), seed=4) for gain in (2.0, 0.0))
    assert strong.spikes > absent.spikes + 20, "the teacher must act while the network learns"
    # 60 samples at chance, 0.25, stay below 0.5 with probability 0.99998.
    assert np.mean(np.concatenate([strong.stream.predictions == strong.stream.labels,
                                   strong.validation.predictions == strong.validation.labels])) < 0.5  # fmt: skip
    assert strong.counts["samples"] == 40


def heard_by_the_rule_alone(on, model=None):
    net = Network(inputs=Regular(INPUTS, rate=300 * Hz), dt=1 * ms)
    signals = {"teacher": Signal("label", one_hot=True, teacher=True)}
    net.population("out", model or LIF(v_th=0.8), n=CLASSES, signals=signals)
    net.readout(SpikeReadout("out"))
    rule = DeltaRule(lr=0.05, factor=Factor("teacher", tau=20 * ms), on=on)
    net.connect("inputs", "out", Dense(Uniform(0, 0.2)), rule)
    return net


@pytest.mark.slow
def test_a_teacher_that_only_the_rule_hears_needs_no_first_pass(monkeypatch):
    """As long as the rule writes at a sample's end: the numbers are those of two passes."""
    net = heard_by_the_rule_alone("sample")
    assert not writes_during_sample(net.freeze()) and writes_during_sample(heard_by_the_rule_alone("step").freeze())
    assert writes_during_sample(heard_by_the_rule_alone("sample", HomeostaticLIF()).freeze())
    one = Corners().run(net, seed=4)
    monkeypatch.setattr(run, "writes_during_sample", lambda spec: True)
    two = Corners().run(net, seed=4)
    np.testing.assert_array_equal(one.stream.predictions, two.stream.predictions)
    np.testing.assert_array_equal(one.weights["inputs->out"], two.weights["inputs->out"])
    assert one.counts == two.counts and one.stream.accuracy > 0.4


@pytest.mark.slow
def test_costs_are_those_of_the_learning_pass_alone():
    """The first pass over a sample, which only predicts, counts for nothing."""
    result = Corners().run(taught(2.0), seed=4, record=["spikes"], record_samples=40)
    assert result.counts["spikes"] == sum(len(spikes) for spikes in result.recordings.values())


def test_gaps_and_continuing_state():
    task = Corners(gap=5 * ms, reset=False)
    result = task.run(learner(), seed=4, record=["spikes"], record_samples=2)
    assert result.period == 35 and result.counts["steps"] == 40 * 35
    steps = result.recordings["inputs.spikes"][:, 0]
    assert steps.min() >= 38 * 35
    assert (steps % 35 < 30).all(), "inputs are silent in a gap"


def test_json_describes_a_task():
    task = Corners(sample=25 * ms, gap=1 * ms, reset=False, informative=False)
    assert Task.from_json(task.to_json()).to_json() == task.to_json()
    with pytest.raises(SNNError):
        Task.from_json(learner().freeze().to_json())


@pytest.mark.parametrize(("change", "words"), [
    (lambda: (dataclasses.replace(Corners(), sample=-1 * ms), learner()), "sample > 0"),
    (lambda: (Corners(sample=0.1 * ms), learner()), "a whole number of steps, but 100. us is 0.1 steps"),
    (lambda: (Corners(), Network(inputs=Poisson(7))), "must be as many as Corners has values, 8"),
    (lambda: (Corners(), Network(inputs=Poisson(8))), "scores a readout, but the network has none"),
])  # fmt: skip
def test_a_network_that_does_not_fit_is_an_error(change, words):
    task, net = change()
    with pytest.raises(NetworkError, match=words):
        task.run(net)


def test_seeds_and_backends_are_checked():
    for bad in ({"seed": -1}, {"seed": 2**31}, {"backend": "standalon"}, {"dtype": "float16"}, {"record": ["hiden.v"]}):
        with pytest.raises(SNNError):
            Corners().run(learner(), **bad)


def test_timeouts_and_cancelling_end_a_run():
    Corners().run(learner())
    long = Corners(sample=2_000_000 * ms)  # half a minute of CPU
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with pytest.raises(RunTimeout):
        long.run(learner(), timeout=0.5)
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(Cancelled):
        long.run(learner(), cancel=cancel)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 5


def test_ties_go_to_the_tie_breaker_and_then_to_the_lower_index():
    scores = np.array([[1.0, 3, 3, 0], [2, 2, 2, 2], [0, 0, 0, 0], [5, 1, 1, 1]])
    ties = np.array([[9.0, 1, 2, 9], [0, 7, 7, 0], [-3, -1, -2, -5], [0, 1, 1, 1]])
    np.testing.assert_array_equal(decide(scores, ties), [2, 1, 1, 0])


@serialisable
@dataclass(frozen=True)
class Told(Corners):
    """Corners with a reward that is always 1, told sample by sample, and only every second sample to learn from."""

    def load(self) -> Data:
        data = super().load()
        return dataclasses.replace(data, signals={"praise": np.ones(N)}, learn=np.arange(N) % 2 == 0)


@pytest.mark.slow
def test_a_task_may_tell_more_and_choose_what_is_learned_from():
    net = Network(inputs=Poisson(INPUTS, rate=100 * Hz), dt=1 * ms)
    net.population("out", LIF(v_th=0.3), n=CLASSES, signals={"praise": Signal("praise")})
    net.readout(SpikeReadout("out"))
    net.connect("inputs", "out", Dense(Uniform(0, 0.2)), RewardSTDP(factor="praise"))
    told = Told().run(net, seed=4, backend="runtime")

    assert (
        0
        < told.counts["weight_writes"]
        <= np.count_nonzero(Told().data.learn[Told().split(N).stream]) * INPUTS * CLASSES
    )
    with pytest.raises(SNNError, match="the signal 'praise', which the task does not give"):
        Corners().run(net, seed=4)
