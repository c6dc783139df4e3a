"""Stock Brian2's side of ``stdp_network``: C++ standalone, with STDP as Brian2's documentation writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks import balanced as b
from tests.benchmarks.digits_study import CHECKOUT


def build(folder: str, dtype: str, span: b.Span) -> None:
    """Write and compile the program, in a process of its own: Brian2's global state ends with it."""
    command = [sys.executable, "-m", "tests.benchmarks.stdp_brian2", folder, dtype, str(span.warm), str(span.timed)]
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)


def simulate(folder: str, span: b.Span) -> b.Measured:
    """Run the program, which notes the CPU time of its last `run` itself."""
    subprocess.run(["./main"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    results = Path(folder) / "results"
    seconds = float((results / "last_run_info.txt").read_text().split()[0])
    (counts,) = results.glob("_array_spikemonitor_count_*")
    biological = span.timed * 1e-3
    return b.Measured(seconds / biological, float(np.fromfile(counts, np.int32).mean()) / biological)


def _build(folder: str, dtype: str, span: b.Span) -> None:
    from brian2 import Network as Brian2Network
    from brian2 import SpikeMonitor, defaultclock, device, ms, prefs, seed, set_device

    set_device("cpp_standalone", build_on_run=False, directory=folder)
    prefs.core.default_float_dtype = np.dtype(dtype).type
    defaultclock.dt = b.DT_MS * ms
    seed(1)
    neurons, *others = _network()
    network = Brian2Network(neurons, *others)
    network.run(span.warm * ms)
    network.add(SpikeMonitor(neurons, record=False, name="spikemonitor"))
    network.run(span.timed * ms)
    device.build(directory=folder, compile=True, run=False)


def _network() -> list[Any]:
    from brian2 import Hz, NeuronGroup, PoissonGroup, Synapses, ms, mV

    numbers = {
        "tau_m": b.TAU_M_MS * ms,
        "v_th": b.V_TH_MV * mV,
        "v_reset": b.V_RESET_MV * mV,
        "v_input": b.INPUT_MV * mV,
        "excitation": b.J_MV * mV,
        "inhibition": b.G * b.J_MV * mV,
        "tau_stdp": b.TAU_STDP_MS * ms,
        "a_plus": b.A_PLUS_MV * mV,
        "a_minus": b.A_MINUS_MV * mV,
        "w_max": b.W_MAX_MV * mV,
    }
    neurons = NeuronGroup(
        b.NEURONS,
        "dv/dt = -v/tau_m : volt (unless refractory)",
        threshold="v >= v_th",
        reset="v = v_reset",
        refractory=b.REFRACTORY_MS * ms,
        method="exact",
        namespace=numbers,
    )
    e, i = neurons[: b.EXCITATORY], neurons[b.EXCITATORY :]
    inputs = PoissonGroup(b.NEURONS, b.INPUT_HZ * Hz)
    delayed = {"delay": b.DELAY_MS * ms, "namespace": numbers}
    from_inputs = Synapses(inputs, neurons, on_pre="v_post += v_input", namespace=numbers)
    plastic = Synapses(
        e,
        e,
        """
        w : volt
        dx/dt = -x/tau_stdp : 1 (event-driven)
        dy/dt = -y/tau_stdp : 1 (event-driven)
        """,
        on_pre="""
        v_post += w
        x += 1
        w = clip(w - a_minus*y, 0*volt, w_max)
        """,
        on_post="""
        y += 1
        w = clip(w + a_plus*x, 0*volt, w_max)
        """,
        delay={"pre": b.DELAY_MS * ms},
        namespace=numbers,
    )
    onto_inhibitory = Synapses(e, i, on_pre="v_post += excitation", **delayed)
    inhibition = Synapses(i, neurons, on_pre="v_post -= inhibition", **delayed)
    rng = np.random.default_rng(1)
    _connect(from_inputs, rng, b.NEURONS, b.NEURONS, b.FROM_INPUTS)
    _connect(plastic, rng, b.EXCITATORY, b.EXCITATORY, b.FROM_EXCITATORY, autapses=False)
    _connect(onto_inhibitory, rng, b.EXCITATORY, b.INHIBITORY, b.FROM_EXCITATORY)
    _connect(inhibition, rng, b.INHIBITORY, b.NEURONS, b.FROM_INHIBITORY)
    plastic.w = b.J_MV * mV
    return [neurons, inputs, from_inputs, plastic, onto_inhibitory, inhibition]


def _connect(synapses: Any, rng: np.random.Generator, n_pre: int, n_post: int, k: int, autapses: bool = True) -> None:
    """Each postsynaptic neuron receives from k different neurons."""
    columns = [rng.choice(n_pre - (not autapses), k, replace=False) for _ in range(n_post)]
    pre, post = np.concatenate(columns), np.repeat(np.arange(n_post), k)
    if not autapses:
        pre += pre >= post
    order = np.lexsort((post, pre))  # by presynaptic neuron, as Brian2's own connect does
    synapses.connect(i=pre[order], j=post[order])


if __name__ == "__main__":
    folder, dtype, *times = sys.argv[1:]
    _build(folder, dtype, b.Span(*map(float, times)))
