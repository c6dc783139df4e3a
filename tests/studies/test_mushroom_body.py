"""The mushroom body: both published networks against their equations in NumPy, and the search's command."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest

from snn import SpikeTrains, structure_hash
from snn.backends.program import Candidate
from snn.plasticity import Factor
from studies.mushroom_body import (
    BITS,
    RULES,
    Space,
    genn_network,
    parsed,
    searched_network,
    spikelearn_network,
    verdict,
)
from tests.support.choices import BACKENDS
from tests.support.runs import run, stream

ROOT = Path(__file__).resolve().parents[2]


def drawn(spec, seed=3):
    """Synapses by the name of their block, as matrices of the first weights."""
    plan = Candidate(spec, seed).plan
    matrices = {}
    for name, block in plan.synapses.items():
        if block.transmits:
            matrix = np.zeros((plan.groups[block.source].n, plan.groups[block.target].n))
            matrix[block.pre, block.post] = block.variables["weight"].value
            matrices[name] = matrix
    return matrices


@pytest.mark.parametrize("backend", BACKENDS)
def test_spikelearn_steps_as_its_layers_say(backend):
    """With explicit spikes and a teacher that fires in every step, nothing is random: spikes and weights are equal."""
    spec, steps = spikelearn_network(kenyon_cells=200, lr=0.05).freeze(), 40
    rule = spec.projections[1].rule
    rule = dataclasses.replace(rule, factor=Factor.teacher_spikes(1.0, tau=rule.factor.tau, gain=0.2))
    taught = dataclasses.replace(spec.projections[1], rule=rule)
    spec = dataclasses.replace(spec, inputs=SpikeTrains(64), projections=(spec.projections[0], taught))
    rng = np.random.default_rng(5)
    x = (rng.random((2, steps, 64)) < 0.3).astype(float)
    labels = np.array([7, 2])
    samples = stream(2, steps=steps, inputs=64, spikes=True)
    samples = dataclasses.replace(samples, signals={"values": x, "label": labels})
    found = run(spec, samples, backend, record=("kenyon.spikes", "output.spikes"))
    w_in, w = drawn(spec)["inputs_to_kenyon"], np.zeros((200, 10))
    a = math.exp(-1 / 4)
    spikes = {"kenyon": [], "output": []}
    for image in range(2):
        v, s, u, z = np.zeros(200), np.zeros(200), np.zeros(10), np.zeros(10)
        te, to, tm = np.zeros(200), np.zeros(10), np.zeros(10)
        for step in range(steps):
            inhibition = 0.004 * 1000 / 200 * s.sum()
            v = (1 - s) * (a * v + (1 - a) * (x[image, step] @ w_in) - inhibition)
            s = (v >= 1).astype(float)
            u = (1 - z) * (a * u + (1 - a) * (s @ w))
            z = (u >= 1).astype(float)
            te, to = 0.8 * te + 0.2 * s, 0.8 * to + 0.2 * z
            tm = 0.8 * tm + 0.2 * (np.arange(10) == labels[image])
            w = np.clip(w + 0.05 * np.outer(te, tm - to), -1, 1)
            for name, fired in (("kenyon", s), ("output", z)):
                spikes[name] += [(image * steps + step, neuron) for neuron in np.flatnonzero(fired)]
    for name, expected in spikes.items():
        assert len(expected) > 20
        np.testing.assert_array_equal(found.recordings[f"{name}.spikes"], expected)
    np.testing.assert_allclose(found.state.arrays["kenyon_to_output.weight"].reshape(200, 10), w, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_genn_steps_as_its_tutorial_says(backend):
    """200 Kenyon cells, two images of 20 ms: every spike, and the weights that the symmetric rule leaves."""
    spec, steps, n = genn_network(kenyon_cells=200).freeze(), 200, 200
    rng = np.random.default_rng(5)
    values = rng.random((2, 784)) * (rng.random((2, 784)) < 0.2)
    values /= values.sum(axis=1, keepdims=True)
    labels = np.array([7, 2])
    samples = dataclasses.replace(stream(2, steps=steps, inputs=784), signals={"values": values, "label": labels})
    names = ("projection", "kenyon", "giant", "output")
    found = run(spec, samples, backend, record=tuple(f"{name}.spikes" for name in names))
    w_in, w, scale, dt = drawn(spec)["projection_to_kenyon"], np.zeros((n, 10)), 20000 / n, 0.1
    eta, w_max = 2e-14 * scale, 2.33e-11 * scale
    spikes = {name: [] for name in names}
    for image in range(2):
        cells = {name: Cell(size) for name, size in (("projection", 784), ("kenyon", n), ("output", 10))}
        currents = {"exc": np.zeros(n), "inh": np.zeros(n), "out": np.zeros(10)}
        last = {name: np.zeros(len(cell.v)) for name, cell in cells.items()}
        giant, fired_giant, xs, ys = 0.0, 0.0, np.zeros(n), np.zeros(10)
        for step in range(steps):
            before = {name: array.copy() for name, array in last.items()}
            currents["exc"] += before["projection"] @ w_in
            currents["inh"] += -5e-9 * fired_giant
            currents["out"] += before["kenyon"] @ w
            giant = 0.0 if fired_giant else giant
            giant += scale * before["kenyon"].sum()
            held = {name: -math.expm1(-dt / tau) * tau / dt for name, tau in (("exc", 3), ("inh", 5), ("out", 3))}
            teacher = 5e-9 * (np.arange(10) == labels[image])
            last["projection"] = cells["projection"].step(80e-9 * values[image], 100)
            last["kenyon"] = cells["kenyon"].step(sum(held[c] * currents[c] for c in ("exc", "inh")), 2)
            last["output"] = cells["output"].step(held["out"] * currents["out"] + teacher, 2)
            fired_giant = float(giant >= 200)
            for name, tau in (("exc", 3), ("inh", 5), ("out", 3)):
                currents[name] *= math.exp(-dt / tau)
            xs, ys = xs * math.exp(-dt / 15), ys * math.exp(-dt / 15)
            w = np.clip(w + eta * np.outer(before["kenyon"], ys - 0.01), 0, w_max)
            w = np.clip(w + eta * np.outer(np.maximum(xs - 0.01, -0.001), last["output"]), 0, w_max)
            xs, ys = np.where(before["kenyon"], 1, xs), np.where(last["output"], 1, ys)
            for name in names:
                fired = [0] * int(fired_giant) if name == "giant" else np.flatnonzero(last[name])
                spikes[name] += [(image * steps + step, neuron) for neuron in fired]
    for name, expected in spikes.items():
        assert len(expected) >= 2, name
        np.testing.assert_array_equal(found.recordings[f"{name}.spikes"], expected, err_msg=name)
    assert 0 < (w > 0).sum() < w.size
    np.testing.assert_allclose(found.state.arrays["kenyon_to_output.weight"].reshape(n, 10), w, atol=1e-9 * w.max())


class Cell:
    """GeNN's LIF: integrates unless refractory, exactly for a current held over the step."""

    def __init__(self, n):
        self.v, self.left = np.full(n, -60e-3), np.zeros(n, int)

    def step(self, current, refractory_ms):
        free = self.left <= 0
        rest = -60e-3 + current * 20e-3 / 0.2e-9
        self.v = np.where(free, rest + (self.v - rest) * math.exp(-0.1 / 20), self.v)
        self.left = np.where(free, 0, self.left - 1)
        fired = free & (self.v >= -50e-3)
        self.v[fired], self.left[fired] = -60e-3, round(refractory_ms / 0.1)
        return fired.astype(float)


@pytest.mark.slow
def test_every_rule_and_precision_is_a_network_and_few_programs():
    """Numbers do not change what is compiled; the choices of rule, encoding and chip do."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for rule in RULES:
        for bits in BITS:
            hashes = set()
            for _ in range(6):
                trial = study.ask()
                spec = searched_network(_Fixed(trial, rule=rule, weight_bits=bits), 64, tuple(RULES), BITS).freeze()
                choices = [trial.params.get(name) for name in ("encoding", "rounding", "write")]
                hashes.add((*choices, structure_hash(spec)))
                assert (spec.chip is None) == (bits == "float")
            assert len(hashes) == len({key[:-1] for key in hashes})


class _Fixed:
    """A trial in which some choices are settled."""

    def __init__(self, trial, **settled):
        self._trial, self._settled = trial, settled

    def suggest_categorical(self, name, choices):
        return self._settled.get(name) or self._trial.suggest_categorical(name, choices)

    def __getattr__(self, name):
        return getattr(self._trial, name)


def test_the_verdict_names_what_cannot_be_told_apart():
    def row(rule, score, low, high):
        return {"rule": rule, "test_accuracy": score, "interval": [low, high]}

    digits = {"by_rule": {"delta": row("delta", 0.96, 0.95, 0.97), "oja": row("oja", 0.94, 0.92, 0.955)}}
    mnist = {"by_rule": {"delta": row("delta", 0.85, 0.84, 0.86), "oja": row("oja", 0.89, 0.88, 0.9)}}
    text = verdict({"digits": digits, "mnist": mnist})
    assert text == "The best rule differs: delta on digits (not told apart from oja) and oja on mnist."
    assert verdict({"digits": digits}).startswith("The best rule is delta on digits")
    assert "is the same" in verdict({"digits": digits, "mnist": digits})


def command(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "studies.mushroom_body", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_spikelearn_instance_learns_digits(tmp_path):
    """0.90 +- 0.03 over 4 seeds is what its equations have given in NumPy (0.903, standard deviation 0.023)."""
    done = command(tmp_path, "--instance", "spikelearn", "--seeds", "4", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["seeds"]) == 4 and found["test_accuracy"] == pytest.approx(np.mean(found["seeds"]))
    assert 0.87 <= found["test_accuracy"] <= 0.93
    assert 0.5 < found["prequential_accuracy"] < 0.9 and 100 < found["kc_active_mean"] < 1000


@pytest.mark.slow
def test_a_short_search_tells_what_it_found(tmp_path):
    done = command(tmp_path, "--search", "--rules", "delta", "--bits", "4", "float", "--trials", "4", "--seeds", "2",
                   "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["trials"]["complete"] >= 1 and found["trials"]["fail"] == 0
    assert found["best"]["rule"] == "delta" and len(found["best"]["seeds"]) == 2
    assert found["programs_built"] <= 8  # two encoders, and on the chip two roundings and two kinds of writes
    assert (tmp_path / "mushroom_body.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.nightly
def test_a_short_search_prints_its_best_rule(tmp_path):
    again = command(tmp_path, "--search", "--rules", "delta", "--bits", "4", "float", "--trials", "4", "--seeds", "2")
    assert again.returncode == 0 and "rule delta" in again.stdout and "The best rule is delta" in again.stdout


@pytest.mark.slow
def test_what_is_missing_is_said(tmp_path):
    done = command(tmp_path, "--instance", "genn", "--folder", str(tmp_path / "nowhere"), "--images", "100")
    assert done.returncode == 1 and "nowhere" in done.stderr and "Traceback" not in done.stderr
    done = command(tmp_path, "--search", "--rules", "deltas")
    assert done.returncode == 2 and "deltas" in done.stderr
    assert Space().name == "mushroom_body_digits" and Space(bits=("4",)).name == "mushroom_body_digits_4"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--instance", "spikelearn", "--seeds", "0"], "argument --seeds: must be at least 1, but is 0"),
        (["--instance", "genn", "--kenyon-cells", "-5"], "argument --kenyon-cells: must be at least 1, but is -5"),
        (["--search", "--trials", "many"], "argument --trials: invalid count value: 'many'"),
        (["--search", "--figure", "nowhere/a.png"], "argument --figure: there is no folder nowhere"),
    ],
)
def test_wrong_arguments(monkeypatch, capsys, wrong, said):
    monkeypatch.setattr(sys, "argv", ["mushroom_body", *wrong])
    with pytest.raises(SystemExit):
        parsed()
    assert said in capsys.readouterr().err
