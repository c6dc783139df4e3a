"""NEST's side of ``stdp_network``: `iaf_psc_delta` neurons, `stdp_synapse` without weight dependence, one thread.

NEST delays the postsynaptic spike that a plastic synapse sees, the other sides the presynaptic one; the network is the
same otherwise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

from tests.benchmarks import balanced as b
from tests.benchmarks.digits_study import CHECKOUT


def simulate(span: b.Span) -> b.Measured:
    """Build and simulate the network in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.stdp_nest", str(span.warm), str(span.timed)]
    said = subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return b.Measured(**json.loads(said.splitlines()[-1]))  # NEST greets before


def _simulate(span: b.Span) -> b.Measured:
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.SetKernelStatus({"resolution": b.DT_MS, "local_num_threads": 1, "print_time": False})
    neurons = _network(nest)
    nest.Simulate(span.warm)
    counter = nest.Create("spike_recorder")
    nest.Connect(neurons, counter, "all_to_all", {"delay": b.DELAY_MS})
    nest.Prepare()
    begin = time.process_time()
    nest.Run(span.timed)
    seconds = time.process_time() - begin
    nest.Cleanup()
    biological = span.timed * 1e-3
    return b.Measured(seconds / biological, counter.n_events / b.NEURONS / biological)


def _network(nest: Any) -> Any:
    cell = {
        "tau_m": b.TAU_M_MS,
        "C_m": 1.0,
        "E_L": 0.0,
        "V_m": 0.0,
        "V_th": b.V_TH_MV,
        "V_reset": b.V_RESET_MV,
        "t_ref": b.REFRACTORY_MS,
        "tau_minus": b.TAU_STDP_MS,
    }
    static = {"synapse_model": "static_synapse", "delay": b.DELAY_MS}
    plastic = {
        "synapse_model": "stdp_synapse",
        "weight": b.J_MV,
        "delay": b.DELAY_MS,
        "tau_plus": b.TAU_STDP_MS,
        "lambda": b.A_PLUS_MV / b.W_MAX_MV,
        "alpha": b.A_MINUS_MV / b.A_PLUS_MV,
        "mu_plus": 0.0,
        "mu_minus": 0.0,
        "Wmax": b.W_MAX_MV,
    }

    def each(k: int) -> dict[str, Any]:
        return {"rule": "fixed_indegree", "indegree": k, "allow_autapses": False, "allow_multapses": False}

    e, i = (nest.Create("iaf_psc_delta", n, params=cell) for n in (b.EXCITATORY, b.INHIBITORY))
    generator = nest.Create("poisson_generator", params={"rate": b.INPUT_HZ})
    inputs = nest.Create("parrot_neuron", b.NEURONS)  # the generator gives each of its targets a train of its own
    nest.Connect(generator, inputs, "all_to_all", static)
    nest.Connect(inputs, e + i, each(b.FROM_INPUTS), static | {"weight": b.INPUT_MV})
    nest.Connect(e, e, each(b.FROM_EXCITATORY), plastic)
    nest.Connect(e, i, each(b.FROM_EXCITATORY), static | {"weight": b.J_MV})
    nest.Connect(i, e + i, each(b.FROM_INHIBITORY), static | {"weight": -b.G * b.J_MV})
    return e + i


if __name__ == "__main__":
    print(json.dumps(asdict(_simulate(b.Span(*map(float, sys.argv[1:]))))))
