"""The forward pass of NEST's networks with e-prop, with which published losses check the tasks' random numbers."""

from __future__ import annotations

import numpy as np


def float32(weights: np.ndarray) -> np.ndarray:
    """Published weights are drawn as doubles, cast to 32 bits, and used as doubles again."""
    return weights.astype(np.float32).astype(np.float64)


def readout_of(spikes, w_in, w_rec, w_out, *, alpha, zeta, kappa, v_th, beta=0.0, rho=0.0, n_ref=0) -> np.ndarray:
    """The readouts in every step, (steps, outputs).

    v_t = alpha v_{t-1} + zeta (W_rec z_{t-1} + W_in x_t) - v_th z_{t-1};  a_t = rho a_{t-1} + z_{t-1};
    z_t = [v_t > v_th + beta a_t] unless refractory;  y_t = kappa y_{t-1} + (1 - kappa) W_out z_t
    (Bellec et al. 2020, eqs. 6-11).
    """
    n = len(w_rec)
    v, a, z, refractory, y = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(len(w_out))
    readouts = []
    for x in spikes:
        refractory = np.maximum(refractory - 1, 0)
        v = alpha * v + zeta * (w_rec @ z + w_in @ x) - v_th * z
        a = rho * a + z
        z = ((v > v_th + beta * a) & (refractory == 0)).astype(float)
        refractory[z > 0] = n_ref
        y = kappa * y + (1 - kappa) * (w_out @ z)
        readouts.append(y)
    return np.array(readouts)
