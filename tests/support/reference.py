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


class Spiking:
    """Neurons with a refractory counter: spikes act on the state at the beginning of the next step."""

    def __init__(self, n, n_ref=0):
        self.n_ref, self.r, self.z = n_ref, np.zeros(n, int), np.zeros(n, bool)

    def step(self, current):
        self.r = np.maximum(self.r - 1, 0)
        self.reset(self.z)
        self.update(current)
        self.z = self.fires() & (self.r == 0)
        self.r[self.z] = self.n_ref
        return self.z


class SynapticCells(Spiking):
    """LIF neurons with an exponential synaptic current, held over a step; soft reset after the leak."""

    def __init__(self, n, n_ref=0, dt=1.0, tau_m=20.0, tau_syn=5.0, v_th=1.0):
        super().__init__(n, n_ref)
        self.alpha, self.decay, self.v_th = np.exp(-dt / tau_m), np.exp(-dt / tau_syn), v_th
        self.v, self.i = np.zeros(n), np.zeros(n)

    def reset(self, z):
        self.late = self.v_th * z

    def update(self, current):
        self.i = self.i + current
        self.v = self.alpha * self.v + (1 - self.alpha) * self.i - self.late
        self.i = self.decay * self.i

    def fires(self):
        return self.v >= self.v_th

    def state(self):
        return {"v": self.v, "I_s": self.i}


class Oscillators(Spiking):
    """Resonate-and-fire neurons as complex numbers; a step's input is a constant current of that area."""

    def __init__(self, n, n_ref=0, dt=1e-3, b=-10.0, omega=100.0, v_th=1.0):
        super().__init__(n, n_ref)
        rate = complex(b, omega)
        self.turn, self.v_th = np.exp(rate * dt), v_th
        self.gain = (self.turn - 1) / (rate * dt)
        self.c = np.zeros(n, complex)

    def reset(self, z):
        self.c = np.where(z, 1j * self.v_th, self.c)

    def update(self, current):
        self.c = self.turn * self.c + self.gain * current

    def fires(self):
        return self.c.imag >= self.v_th

    def state(self):
        return {"x": self.c.real, "y": self.c.imag}


class AdaptiveExponential(Spiking):
    """AdEx neurons in mV, ms, nA and uS (so that nA/nF is mV/ms), Euler's method; v stands still while refractory."""

    def __init__(self, n, n_ref=0, dt=0.1, v_peak=-40.4):
        super().__init__(n, n_ref)
        self.dt, self.v_peak = dt, v_peak
        self.v, self.w = np.full(n, -70.6), np.zeros(n)

    def reset(self, z):
        self.v = np.where(z, -70.6, self.v)
        self.w = self.w + 0.0805 * z

    def update(self, current):
        leak, upswing = 0.03 * (-70.6 - self.v), 0.03 * 2.0 * np.exp((self.v + 50.4) / 2.0)
        slope = (leak + upswing - self.w + current) / 0.281
        w = self.w + self.dt * (0.004 * (self.v + 70.6) - self.w) / 144.0
        self.v, self.w = self.v + self.dt * slope * (self.r == 0), w

    def fires(self):
        return self.v >= self.v_peak

    def state(self):
        return {"v": self.v * 1e-3, "w": self.w * 1e-9}


class SimpleModel(Spiking):
    """Izhikevich's neurons, Euler's method with both slopes from the old values; v stands still while refractory."""

    def __init__(self, n, n_ref=0, dt=0.5, a=0.02, b=0.2, c=-65.0, d=8.0):
        super().__init__(n, n_ref)
        self.dt, self.a, self.b, self.c, self.d = dt, a, b, c, d
        self.v, self.u = np.full(n, c), np.full(n, b * c)

    def reset(self, z):
        self.v = np.where(z, self.c, self.v)
        self.u = np.where(z, self.u + self.d, self.u)

    def update(self, current):
        slope = 0.04 * self.v**2 + 5 * self.v + 140 - self.u + current
        u = self.u + self.dt * self.a * (self.b * self.v - self.u)
        self.v, self.u = self.v + self.dt * slope * (self.r == 0), u

    def fires(self):
        return self.v >= 30

    def state(self):
        return {"v": self.v, "u": self.u}


def recurrent(cells: Spiking, x, w_in, w_rec) -> np.ndarray:
    """The spikes (steps, cells) of one population that hears the inputs and, a step later, itself."""
    return np.array([cells.step(w_in @ spikes + w_rec @ cells.z) for spikes in x])


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
    adam: tuple[float, float, float] | None = None  # beta_1, beta_2, epsilon
    batch: int = 1
    average: bool = False
    decay: float = 0.0
    samples: int = field(default=0, init=False)
    sums: list = field(default_factory=list, init=False)
    moments: Moments | None = field(default=None, init=False)

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
        np.fill_diagonal(g[1], 0)
        np.fill_diagonal(e_sum[1], 0)
        gradients = [g[0] + excess * e_sum[0], g[1] + excess * e_sum[1], g_out]
        if self.average:
            gradients = [gradient / window for gradient in gradients]
        self.sums = [old + new for old, new in zip(self.sums or [0, 0, 0], gradients, strict=True)]
        self.samples += 1
        if self.samples % self.batch == 0:
            self.descend([total / self.batch for total in self.sums])
            self.sums = []
        return loss, np.array(raster)

    def descend(self, gradients):
        """One update of all weights, and of adaptive feedback weights like those of the readout."""
        if self.adam is not None:
            self.moments = self.moments or Moments(*self.adam)
            gradients = self.moments.step(gradients)
        w_in, w_rec, w_out = gradients
        if self.feedback == "adaptive":
            self.b = self.b - self.lr * w_out - self.lr * self.decay * self.b
        self.w_in = self.w_in - self.lr * w_in - self.lr * self.decay * self.w_in
        self.w_rec = self.w_rec - self.lr * w_rec - self.lr * self.decay * self.w_rec
        self.w_out = self.w_out - self.lr * w_out - self.lr * self.decay * self.w_out

    def stream(self, x, target, tau_rate=1.0):
        """Input spikes (steps, inputs) and targets (steps, classes), with an update in every step and no reset."""
        cells, n, n_in = self.cells, *self.w_in.shape
        kappa, mixed = np.exp(-1.0 / self.tau_out), -np.expm1(-1.0 / tau_rate)
        y, rate = np.zeros(len(self.w_out)), np.zeros(n)
        zbar = [np.zeros(n_in), np.zeros(n)]
        zbar_out = np.zeros(n)
        eps = [np.zeros((n, n_in)), np.zeros((n, n))]
        filtered = [np.zeros((n, n_in)), np.zeros((n, n))]
        raster = []
        for arriving, wanted in zip(x, target, strict=True):
            before = cells.z
            z, psi = cells.step(self.w_in @ arriving + self.w_rec @ before)
            y = kappa * y + (1 - kappa) * self.w_out @ z
            error = y - wanted
            if self.loss == "cross_entropy":
                error = np.exp(y - y.max()) / np.exp(y - y.max()).sum() - wanted
            signal = (self.w_out if self.feedback == "symmetric" else self.b).T @ error
            rate = rate + mixed * (z - rate)
            gradients = []
            for k, spikes in enumerate((arriving, before)):
                zbar[k] = cells.alpha * zbar[k] + cells.gain * spikes
                e = psi[:, None] * (zbar[k][None, :] - cells.beta * eps[k])
                eps[k] = cells.rho * eps[k] + e
                filtered[k] = kappa * filtered[k] + (1 - kappa) * e
                excess = (self.c_reg * (rate - self.f_target))[:, None]
                gradients.append(signal[:, None] * filtered[k] + excess * e)
            np.fill_diagonal(gradients[1], 0)
            zbar_out = kappa * zbar_out + (1 - kappa) * z
            self.descend([*gradients, error[:, None] * zbar_out[None, :]])
            raster.append(z)
        return np.array(raster)


class Moments:
    """Adam (Kingma & Ba 2015, in the form that they give at the end of section 2): steps in units of the rate."""

    def __init__(self, beta_1, beta_2, epsilon):
        self.beta_1, self.beta_2, self.epsilon, self.n = beta_1, beta_2, epsilon, 0
        self.first, self.second = [0, 0, 0], [0, 0, 0]

    def step(self, gradients):
        self.n += 1
        self.first = [self.beta_1 * m + (1 - self.beta_1) * g for m, g in zip(self.first, gradients, strict=True)]
        self.second = [self.beta_2 * s + (1 - self.beta_2) * g**2 for s, g in zip(self.second, gradients, strict=True)]
        size = np.sqrt(1 - self.beta_2**self.n) / (1 - self.beta_1**self.n)
        return [size * m / (np.sqrt(s) + self.epsilon) for m, s in zip(self.first, self.second, strict=True)]


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
