"""JAX's side of ``eprop_step``: one jitted scan over steps within one over samples, on one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np

from tests.benchmarks import step as s
from tests.benchmarks.digits_study import CHECKOUT

ONE_THREAD = {
    "JAX_PLATFORMS": "cpu",
    "OMP_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def seconds(n: int, dtype: str, samples: int, weights: str) -> float:
    """CPU seconds of a run, compiled before, in a process of its own; the final weights go into a file."""
    command = [sys.executable, "-m", "tests.benchmarks.step_jax", str(n), dtype, str(samples), weights]
    environment = os.environ | ONE_THREAD | {"JAX_ENABLE_X64": str(int(dtype == "float64"))}
    done = subprocess.run(command, cwd=CHECKOUT, check=True, env=environment, stdout=subprocess.PIPE, text=True)
    return float(json.loads(done.stdout))


def _run(problem: s.Problem) -> tuple[float, list[np.ndarray]]:
    import jax
    import jax.numpy as jnp

    given = [jnp.asarray(w) for w in (problem.w_in, problem.w_rec, problem.w_out[:, 0])]
    stream = jnp.asarray(problem.spikes.astype(problem.dtype)), jnp.asarray(problem.target)
    learn = jax.jit(_learn)
    jax.block_until_ready(learn(given, stream))
    begin = time.process_time()
    trained = jax.block_until_ready(learn(given, stream))
    return time.process_time() - begin, [np.asarray(w) for w in trained]


def _learn(weights: Any, stream: Any) -> Any:
    import jax
    import jax.numpy as jnp

    alpha, kappa = (float(np.exp(-s.DT_MS / tau)) for tau in (s.TAU_M_MS, s.TAU_OUT_MS))
    n = weights[0].shape[0]

    def step(carry: Any, given: Any) -> Any:
        (w_in, w_rec, w_out), neurons, synapses, y = carry
        v, z, x_in, x_rec, z_filtered = neurons
        e_in, e_rec, g_in, g_rec, g_out = synapses
        spikes, target = given
        v = alpha * v - s.V_TH * z + spikes @ w_in + z @ w_rec
        x_in, x_rec = alpha * x_in + spikes, alpha * x_rec + z
        psi = s.PSI_HEIGHT / s.V_TH * jnp.clip(1 - jnp.abs(v - s.V_TH) / s.V_TH, 0, 1)
        z = (v >= s.V_TH).astype(v.dtype)
        y = kappa * y + (1 - kappa) * (z @ w_out)
        error = y - target
        z_filtered = kappa * z_filtered + (1 - kappa) * z
        signal = w_out * error
        e_in = kappa * e_in + (1 - kappa) * x_in[:, None] * psi
        e_rec = kappa * e_rec + (1 - kappa) * x_rec[:, None] * psi
        synapses = e_in, e_rec, g_in + signal * e_in, g_rec + signal * e_rec, g_out + error * z_filtered
        return ((w_in, w_rec, w_out), (v, z, x_in, x_rec, z_filtered), synapses, y), None

    def sample(carry: Any, given: Any) -> Any:
        (w, neurons, (e_in, e_rec, *g), y), _ = jax.lax.scan(step, carry, given)
        w = [old - s.LR * gradient for old, gradient in zip(w, g, strict=True)]
        return (tuple(w), neurons, (e_in, e_rec, *map(jnp.zeros_like, g)), y), None

    neuron, synapse = jnp.zeros(n, weights[0].dtype), jnp.zeros((n, n), weights[0].dtype)
    start = tuple(weights), (neuron,) * 5, (synapse,) * 4 + (neuron,), jnp.zeros((), synapse.dtype)
    return jax.lax.scan(sample, start, stream)[0][0]


if __name__ == "__main__":
    n, dtype, samples, weights = sys.argv[1:]
    used, trained = _run(s.problem(int(n), dtype, int(samples)))
    np.savez(weights, *trained)
    print(json.dumps(used))
