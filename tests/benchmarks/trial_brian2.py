"""Plain Brian2's sides of ``trial_cost``: the same network, rule and order of a time step, in objects made per trial.

A step, as `SCHEDULE` says: input spikes arrive; neurons are updated, pseudo-derivatives taken, spikes tested and
delivered; readout, errors and feedback; learning. A sample ends at the start of the step after it, so that a run has
one step more than its samples.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

from tests.benchmarks import trial as t
from tests.benchmarks.compare import cpu_seconds
from tests.benchmarks.digits_study import CHECKOUT

SCHEDULE = ["start", "inputs", "arrivals", "groups", "pseudo", "thresholds", "synapses", "resets"]
SCHEDULE += ["readout", "softmax", "errors", "feedback", "learning", "end"]


def on_cython(trial: t.Trial, stream: t.Stream) -> np.ndarray:
    """A trial in this process; the loss of each sample. Code that was compiled for the trial before is found again."""
    from brian2 import ms, prefs

    prefs.codegen.target = "cython"
    network = _network(trial, stream)
    network.run(_length(stream) * ms, namespace={})
    losses = _losses(network)
    del network
    gc.collect()  # else its objects' names are taken, and the next trial's code is another one
    return losses


def rebuilt(number: int, samples: int) -> tuple[float, np.ndarray]:
    """CPU seconds of a trial that is built, and the losses: a process of its own, its imports not counted."""
    command = [sys.executable, "-m", "tests.benchmarks.trial_brian2", str(number), str(samples)]
    said = json.loads(subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return said["cpu_seconds"], np.array(said["losses"])


def _rebuilt(trial: t.Trial, stream: t.Stream) -> dict[str, Any]:
    from brian2 import device, ms, prefs, set_device

    begin = cpu_seconds()
    prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
    with tempfile.TemporaryDirectory() as folder:
        set_device("cpp_standalone", build_on_run=False)
        network = _network(trial, stream)
        network.run(_length(stream) * ms, namespace={})
        device.build(directory=folder)
        losses = _losses(network)
    return {"cpu_seconds": cpu_seconds() - begin, "losses": list(losses)}


def _length(stream: t.Stream) -> float:
    return (len(stream) * t.STEPS + 1) * t.DT_MS


def _losses(network: Any) -> np.ndarray:
    return np.asarray(network["losses"].loss).sum(axis=0)[1:]  # the first is that of no sample


def _network(trial: t.Trial, stream: t.Stream) -> Any:
    from brian2 import Network, StateMonitor, TimedArray, defaultclock, ms

    defaultclock.dt = t.DT_MS * ms
    spikes = TimedArray(np.concatenate([*stream.spikes, np.zeros((1, t.INPUTS))]), dt=t.DT_MS * ms, name="spikes")
    labels = TimedArray(np.append(stream.labels, 0), dt=t.STEPS * t.DT_MS * ms, name="labels")
    numbers = {
        "spikes": spikes,
        "labels": labels,
        "tau_m": t.TAU_M_MS * ms,
        "tau_out": t.TAU_OUT_MS * ms,
        "drive": 1 / -np.expm1(-t.DT_MS / t.TAU_M_MS),  # what arrives adds its weight
        "after_leak": np.exp(t.DT_MS / t.TAU_M_MS),
        "kappa": np.exp(-t.DT_MS / t.TAU_OUT_MS),
        "v_th": t.V_TH,
        "n_steps": t.STEPS,
        "lr": trial.lr,
    }
    inputs, hidden, readout = _groups(numbers)
    synapses = _synapses(inputs, hidden, readout, trial, numbers)
    losses = StateMonitor(
        readout, "loss", record=True, dt=t.STEPS * t.DT_MS * ms, when="start", order=-1, name="losses"
    )
    network = Network(inputs, hidden, readout, *synapses, losses)
    network.schedule = SCHEDULE
    return network


def _groups(numbers: dict[str, Any]) -> list[Any]:
    from brian2 import NeuronGroup, ms

    inputs = NeuronGroup(
        t.INPUTS,
        "deps/dt = -eps/tau_m : 1",
        threshold="spikes(t, i) > 0.5",
        reset="eps += 1",
        method="exact",
        namespace=numbers,
        name="inputs",
    )
    inputs.set_event_schedule("spike", when="inputs")
    hidden = NeuronGroup(
        t.HIDDEN,
        """
        dv/dt = (drive*I - v)/tau_m : 1
        deps/dt = -eps/tau_m : 1
        dz_filtered/dt = -z_filtered/tau_out : 1
        I : 1
        z : 1
        psi : 1
        learning_signal : 1
        """,
        threshold="v >= v_th",
        reset="v -= v_th*after_leak; z = 1; z_filtered += 1 - kappa",
        method="exact",
        namespace=numbers,
        name="hidden",
    )
    hidden.run_regularly("psi = 0.3/v_th*clip(1 - abs(v - v_th)/v_th, 0, 1); I = 0; eps += z; z = 0", when="pseudo")
    readout = NeuronGroup(
        t.CLASSES,
        """
        dy/dt = (I - y)/tau_out : 1
        I : 1
        normaliser : 1
        error : 1
        loss : 1
        """,
        method="exact",
        namespace=numbers,
        name="readout",
    )
    readout.state_updater.when = "readout"
    readout.run_regularly(
        """
        target = int(labels(t) == i)
        error = 1/normaliser - target
        loss += target*log(normaliser)/n_steps
        I = 0
        """,
        when="errors",
    )
    groups = {inputs: "eps", hidden: "v eps z_filtered I z psi learning_signal", readout: "y I error loss"}
    for group, state in groups.items():
        zero = "; ".join(f"{name} = 0" for name in state.split())
        group.run_regularly(zero, dt=t.STEPS * t.DT_MS * ms, when="start", order=1)
    return list(groups)


def _synapses(inputs: Any, hidden: Any, readout: Any, trial: t.Trial, numbers: dict[str, Any]) -> list[Any]:
    from brian2 import Synapses, ms

    eligible = """
    e = psi_post*eps_pre
    e_filtered = kappa*e_filtered + (1 - kappa)*e
    g += learning_signal_post*e_filtered
    """
    sides = [
        (inputs, hidden, "in", "e_filtered : 1", eligible, "; e_filtered = 0", trial.w_in),
        (hidden, hidden, "rec", "e_filtered : 1", eligible, "; e_filtered = 0", trial.w_rec),
        (
            hidden,
            readout,
            "out",
            "learning_signal_pre = w*error_post : 1 (summed)",
            "g += error_post*z_filtered_pre",
            "",
            trial.w_out,
        ),
    ]
    made = []
    for source, target, name, model, step, end, weights in sides:
        synapses = Synapses(
            source,
            target,
            f"w : 1\ng : 1\n{model}",
            on_pre="I_post += w",
            namespace=numbers,
            name=f"synapses_{name}",
        )
        synapses.connect()
        synapses.w = weights.ravel()
        synapses.run_regularly(step, when="learning")
        synapses.run_regularly(f"w -= lr*g; g = 0{end}", dt=t.STEPS * t.DT_MS * ms, when="start")
        made.append(synapses)
    made[0].pre.when = "arrivals"
    made[2].summed_updaters["learning_signal_pre"].when = "feedback"
    softmax = Synapses(
        readout, readout, "normaliser_post = exp(y_pre - y_post) : 1 (summed)", namespace=numbers, name="softmax"
    )
    softmax.connect()
    softmax.summed_updaters["normaliser_post"].when = "softmax"
    return [*made, softmax]


if __name__ == "__main__":
    number, samples = map(int, sys.argv[1:])
    print(json.dumps(_rebuilt(t.draw(number), t.stream(samples))))
