"""Stock Brian2's side of ``eprop_step``: C++ standalone, as a good user would write it.

A step, as `SCHEDULE` says: input spikes arrive; neurons are updated, pseudo-derivatives taken, spikes tested and
delivered; readout, error and feedback; learning. A sample ends at the start of the step after it, so that a run has
one step more than its samples.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import step as s
from tests.benchmarks.digits_study import CHECKOUT

SCHEDULE = ["start", "inputs", "arrivals", "groups", "pseudo", "thresholds", "synapses", "resets"]
SCHEDULE += ["readout", "errors", "feedback", "learning", "end"]


def build(folder: str, n: int, dtype: str, samples: int) -> None:
    """Write and compile the program, in a process of its own: Brian2's global state ends with it."""
    command = [sys.executable, "-m", "tests.benchmarks.step_brian2", folder, str(n), dtype, str(samples)]
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)


def seconds(folder: str) -> float:
    """CPU seconds of the program's `run`, which it notes itself."""
    subprocess.run(["./main"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return float((Path(folder) / "results" / "last_run_info.txt").read_text().split()[0])


def weights(folder: str, dtype: str) -> list[np.ndarray]:
    """The final weights w_in, w_rec, w_out of the last run."""
    results = Path(folder) / "results"
    files = [next(results.glob(f"_dynamic_array_synapses_{name}_w_*")) for name in ("in", "rec", "out")]
    return [np.fromfile(file, dtype) for file in files]


def _build(folder: str, problem: s.Problem) -> None:
    from brian2 import device, ms, prefs, set_device

    prefs.core.default_float_dtype = np.dtype(problem.dtype).type
    set_device("cpp_standalone", build_on_run=False)
    _network(problem).run((len(problem) * s.STEPS + 1) * s.DT_MS * ms, namespace={})
    device.build(directory=folder, compile=True, run=False)


def _network(problem: s.Problem) -> Any:
    from brian2 import Network, TimedArray, defaultclock, ms

    defaultclock.dt = s.DT_MS * ms
    spikes = np.concatenate([*problem.spikes.astype(float), np.zeros((1, problem.n))])
    numbers = {
        "spikes": TimedArray(spikes, dt=s.DT_MS * ms, name="spikes"),
        "target": TimedArray(np.append(problem.target, 0.0), dt=s.DT_MS * ms, name="target"),
        "tau_m": s.TAU_M_MS * ms,
        "tau_out": s.TAU_OUT_MS * ms,
        "drive": 1 / -np.expm1(-s.DT_MS / s.TAU_M_MS),  # what arrives adds its weight
        "after_leak": np.exp(s.DT_MS / s.TAU_M_MS),
        "kappa": np.exp(-s.DT_MS / s.TAU_OUT_MS),
        "v_th": s.V_TH,
        "height": s.PSI_HEIGHT,
        "lr": s.LR,
    }
    groups = _groups(problem.n, numbers)
    network = Network(*groups, *_synapses(*groups, problem, numbers))
    network.schedule = SCHEDULE
    return network


def _groups(n: int, numbers: dict[str, Any]) -> list[Any]:
    from brian2 import NeuronGroup

    inputs = NeuronGroup(
        n,
        "deps/dt = -eps/tau_m : 1",
        threshold="spikes(t, i) > 0.5",
        reset="eps += 1",
        method="exact",
        namespace=numbers,
        name="inputs",
    )
    inputs.set_event_schedule("spike", when="inputs")
    hidden = NeuronGroup(
        n,
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
    pseudo = "psi = height/v_th*clip(1 - abs(v - v_th)/v_th, 0, 1); I = 0; eps += z; z = 0"
    hidden.run_regularly(pseudo, when="pseudo")
    readout = NeuronGroup(
        1,
        """
        dy/dt = (I - y)/tau_out : 1
        I : 1
        error : 1
        """,
        method="exact",
        namespace=numbers,
        name="readout",
    )
    readout.state_updater.when = "readout"
    readout.run_regularly("error = y - target(t); I = 0", when="errors")
    return [inputs, hidden, readout]


def _synapses(inputs: Any, hidden: Any, readout: Any, problem: s.Problem, numbers: dict[str, Any]) -> list[Any]:
    from brian2 import Synapses, ms

    eligible = """
    e_filtered = kappa*e_filtered + (1 - kappa)*psi_post*eps_pre
    g += learning_signal_post*e_filtered
    """
    onto_readout = "learning_signal_pre = w*error_post : 1 (summed)"
    sides = [
        (inputs, hidden, "in", "e_filtered : 1", eligible, problem.w_in),
        (hidden, hidden, "rec", "e_filtered : 1", eligible, problem.w_rec),
        (hidden, readout, "out", onto_readout, "g += error_post*z_filtered_pre", problem.w_out),
    ]
    made = []
    for source, target, name, model, step, weights in sides:
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
        synapses.run_regularly("w -= lr*g; g = 0", dt=s.STEPS * s.DT_MS * ms, when="start")
        made.append(synapses)
    made[0].pre.when = "arrivals"
    made[2].summed_updaters["learning_signal_pre"].when = "feedback"
    return made


if __name__ == "__main__":
    folder, n, dtype, samples = sys.argv[1:]
    _build(folder, s.problem(int(n), dtype, int(samples)))
