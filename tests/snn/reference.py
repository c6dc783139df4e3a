"""Independent NumPy steppers, written from the papers' equations and from nothing in the package.

Each follows the package's time step: inputs of step t and recurrent spikes of step t-1 arrive, neurons update, the
pseudo-derivative is taken, spikes are tested, the readout integrates them, and learning comes last.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Cells:
    """LIF or (with beta) ALIF neurons of Bellec et al. 2020, soft reset, refractory counter."""

    n: int
    tau_m: float
    v_th: float
    n_ref: int = 0
    zeta: float | None = None  # None: 1 - alpha
    beta: float = 0.0
    tau_a: float = 1.0
    height: float = 0.3
    width: float = 1.0
    reset: str = "subtract"
    v: np.ndarray = field(init=False)

    def __post_init__(self):
        self.alpha = np.exp(-1.0 / self.tau_m)
        self.rho = np.exp(-1.0 / self.tau_a)
        self.gain = 1 - self.alpha if self.zeta is None else self.zeta
        self.clear()

    def clear(self):
        self.v, self.a, self.z = np.zeros(self.n), np.zeros(self.n), np.zeros(self.n)
        self.r = np.zeros(self.n, int)

    def step(self, current):
        """Returns spikes and pseudo-derivatives."""
        self.r = np.maximum(self.r - 1, 0)
        if self.reset == "subtract":
            self.v = self.alpha * self.v + self.gain * current - self.v_th * self.z
        else:
            self.v = self.alpha * self.v * (1 - self.z) + self.gain * current
        self.a = self.rho * self.a + self.z
        threshold = self.v_th + self.beta * self.a
        psi = self.height / self.v_th * np.maximum(0, 1 - np.abs(self.v - threshold) / (self.width * self.v_th))
        psi[self.r > 0] = 0
        self.z = ((self.v >= threshold) & (self.r == 0)).astype(float)
        self.r[self.z > 0] = self.n_ref
        return self.z, psi


@dataclass
class EPropNetwork:
    """Inputs -> recurrent cells -> leaky readout, learning by e-prop with one update a sample."""

    cells: Cells
    w_in: np.ndarray  # (cells, inputs)
    w_rec: np.ndarray  # (cells, cells), zero diagonal
    w_out: np.ndarray  # (classes, cells)
    b: np.ndarray  # (classes, cells)
    tau_out: float
    lr: float
    feedback: str = "symmetric"
    loss: str = "cross_entropy"
    c_reg: float = 0.0
    f_target: float = 0.0  # spikes per step
    window: int | None = None

    def sample(self, x, target):
        """The loss and spikes of one sample of input spikes (steps, inputs) and targets (steps, classes)."""
        cells, steps = self.cells, len(x)
        window = steps if self.window is None else self.window
        cells.clear()
        kappa = np.exp(-1.0 / self.tau_out)
        n, n_in = self.w_in.shape
        y = np.zeros(len(self.w_out))
        zbar_in, zbar_rec, zbar_out = np.zeros(n_in), np.zeros(n), np.zeros(n)
        eps_in, eps_rec = np.zeros((n, n_in)), np.zeros((n, n))
        filtered = [np.zeros((n, n_in)), np.zeros((n, n))]
        g, e_sum = [np.zeros((n, n_in)), np.zeros((n, n))], [np.zeros((n, n_in)), np.zeros((n, n))]
        g_out = np.zeros_like(self.w_out)
        spikes, raster, loss = np.zeros(n), [], 0.0
        back = self.w_out if self.feedback == "symmetric" else self.b
        for t in range(steps):
            before = cells.z
            z, psi = cells.step(self.w_in @ x[t] + self.w_rec @ before)
            spikes += z
            raster.append(z.copy())
            y = kappa * y + (1 - kappa) * self.w_out @ z
            inside = float(t >= steps - window)
            if self.loss == "cross_entropy":
                p = np.exp(y - y.max()) / np.exp(y - y.max()).sum()
                error = inside * (p - target[t])
                loss -= inside * float(target[t] @ np.log(p)) / window
            else:
                error = inside * (y - target[t])
                loss += 0.5 * float(error @ error)
            signal = back.T @ error
            zbar_in = cells.alpha * zbar_in + cells.gain * x[t]
            zbar_rec = cells.alpha * zbar_rec + cells.gain * before
            zbar_out = kappa * zbar_out + (1 - kappa) * z
            for k, (zbar, eps) in enumerate(((zbar_in, eps_in), (zbar_rec, eps_rec))):
                e = psi[:, None] * (zbar[None, :] - cells.beta * eps)
                eps[:] = cells.rho * eps + e
                filtered[k] = kappa * filtered[k] + (1 - kappa) * e
                g[k] += signal[:, None] * filtered[k]
                e_sum[k] += e
            g_out += error[:, None] * zbar_out[None, :]
        excess = (self.c_reg * (spikes / steps - self.f_target) / steps)[:, None]
        self.w_in = self.w_in - self.lr * (g[0] + excess * e_sum[0])
        change = -self.lr * (g[1] + excess * e_sum[1])
        np.fill_diagonal(change, 0)
        self.w_rec = self.w_rec + change
        self.w_out = self.w_out - self.lr * g_out
        if self.feedback == "adaptive":
            self.b = self.b - self.lr * g_out
        return loss, np.array(raster)


def pair_stdp(pre, post, w, a_plus, a_minus, tau_plus, tau_minus, low=-np.inf, high=np.inf):
    """All pairs of two spike trains (steps), in order of time; a coincident pair changes nothing."""
    x = y = 0.0
    for t in range(max([*pre, *post], default=-1) + 1):
        x *= np.exp(-1 / tau_plus)
        y *= np.exp(-1 / tau_minus)
        if t in pre:
            w = min(max(w - a_minus * y, low), high)
        if t in post:
            w = min(max(w + a_plus * x, low), high)
        x += t in pre
        y += t in post
    return w


def reward_stdp(pre, post, steps, a_plus, a_minus, tau_plus, tau_minus, tau_e):
    """The eligibility after so many steps, as a sum over pairs of spikes."""
    c = 0.0
    for t_pre in pre:
        for t_post in post:
            later = max(t_pre, t_post)
            kept = np.exp(-(steps - 1 - later) / tau_e)
            if t_post > t_pre:
                c += a_plus * np.exp(-(t_post - t_pre) / tau_plus) * kept
            elif t_post < t_pre:
                c -= a_minus * np.exp(-(t_pre - t_post) / tau_minus) * kept
    return c
