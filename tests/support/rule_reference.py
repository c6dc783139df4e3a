"""Independent NumPy steppers of plasticity rules, written from their equations and from nothing in the package.

All of them take rasters of spikes, (steps, neurons), presynaptic ones as they arrive, and return the weights, (pre,
post), after the last step. Times are in steps.
"""

import numpy as np


def traced(spikes, tau, gain=1.0, nearest=False):
    """An exponential trace of each neuron: its course before, and after, each step's own spikes are added."""
    before, after = np.zeros(spikes.shape), np.zeros(spikes.shape)
    value = np.zeros(spikes.shape[1])
    for t, spiking in enumerate(spikes):
        before[t] = value = value * np.exp(-1 / tau)
        after[t] = value = np.where(spiking, gain, value) if nearest else value + gain * spiking
    return before, after


def filtered(values, tau, gain=1.0):
    """A trace of numbers instead of spikes."""
    return traced(values, tau, gain)[1]


def of_spikes(pre, post, w, on_pre, on_post, low=-np.inf, high=np.inf):
    """Changes at presynaptic and then at postsynaptic spikes: functions of the step and the weight, (pre, post)."""
    w = np.array(w, float)
    for t in range(len(pre)):
        for spikes, change in ((pre[t][:, None], on_pre), (post[t][None, :], on_post)):
            w = np.where(spikes * np.ones_like(w), np.clip(w + change(t, w), low, high), w)
    return w


def of_steps(steps, w, change, low=-np.inf, high=np.inf):
    """A change in every step."""
    w = np.array(w, float)
    for t in range(steps):
        w = np.clip(w + change(t, w), low, high)
    return w


def pairs(pre, post, w, a_plus, a_minus, tau_plus, tau_minus, up=None, down=None, nearest=False, coincident=False, m=1):
    """Pair STDP; `up` and `down` are its dependence on the weight, and `m` a factor, (steps, post)."""
    x, y = (traced(s, tau, 1.0, nearest)[int(coincident)] for s, tau in ((pre, tau_plus), (post, tau_minus)))
    up, down = up or np.ones_like, down or np.ones_like
    m = np.ones(post.shape) * m
    return of_spikes(
        pre,
        post,
        w,
        lambda t, w: -a_minus * m[t] * y[t] * down(w),
        lambda t, w: a_plus * m[t] * x[t][:, None] * up(w),
    )


def delta(pre, post, m, w, lr, tau_pre, tau_post, gain_pre=1.0, gain_post=1.0, **bounds):
    """lr (m - y) x in every step."""
    x, y = traced(pre, tau_pre, gain_pre)[1], traced(post, tau_post, gain_post)[1]
    return of_steps(len(pre), w, lambda t, w: lr * np.outer(x[t], m[t] - y[t]), **bounds)


def depression(pre, m, w, lr, tau_pre, recovery=0.0, w_rest=0.0, gain=1.0):
    """-lr m x + recovery m (w_rest - w) in every step."""
    x = traced(pre, tau_pre, gain)[1]
    return of_steps(len(pre), w, lambda t, w: -lr * np.outer(x[t], m[t]) + recovery * m[t] * (w_rest - w))


def symmetric(pre, post, w, eta, tau, offset, floor):
    """The rule of GeNN's mushroom body: times since the nearest spikes."""
    x, y = (traced(s, tau, 1.0, nearest=True)[0] for s in (pre, post))
    return of_spikes(
        pre, post, w, lambda t, w: eta * (y[t] - offset), lambda t, w: eta * np.maximum(x[t] - offset, floor)[:, None]
    )


def triplets(pre, post, w, a2_plus, a3_plus, a2_minus, a3_minus, tau_plus, tau_minus, tau_x, tau_y, nearest=False):
    """Pfister & Gerstner (2006), eq. 2-4: traces are read before they see the spike."""
    r1, r2 = (traced(pre, tau, 1.0, nearest)[0] for tau in (tau_plus, tau_x))
    o1, o2 = (traced(post, tau, 1.0, nearest)[0] for tau in (tau_minus, tau_y))
    return of_spikes(
        pre,
        post,
        w,
        lambda t, w: -o1[t] * (a2_minus + a3_minus * r2[t][:, None]),
        lambda t, w: r1[t][:, None] * (a2_plus + a3_plus * o2[t]),
    )


def coactivity(pre, post, w, lr, tau_pre, tau_post, alpha, beta, gamma, kappa, **bounds):
    """The six-parameter rule."""
    x, y = traced(pre, tau_pre)[0], traced(post, tau_post)[0]
    return of_spikes(
        pre,
        post,
        w,
        lambda t, w: lr * (alpha + kappa * y[t]),
        lambda t, w: lr * (beta + gamma * x[t][:, None]),
        **bounds,
    )


def covariance(x, y, w, lr, tau_mean):
    """lr (x - <x>) (y - <y>), with means of what was before this step."""
    change, x_mean, y_mean = [], np.zeros(x.shape[1]), np.zeros(y.shape[1])
    keep = np.exp(-1 / tau_mean)
    before = np.zeros_like(x_mean), np.zeros_like(y_mean)
    for t in range(len(x)):
        x_mean, y_mean = (keep * mean + (1 - keep) * b for mean, b in zip((x_mean, y_mean), before, strict=True))
        change.append(lr * np.outer(x[t] - x_mean, y[t] - y_mean))
        before = x[t], y[t]
    return of_steps(len(x), w, lambda t, w: change[t])


def oja(x, y, w, lr, m=None, alpha=1.0):
    """lr m y (x - alpha y w)."""
    m = np.ones_like(y) if m is None else m
    return of_steps(len(x), w, lambda t, w: lr * m[t] * y[t] * (x[t][:, None] - alpha * y[t] * w))


def volterra(x, y, w, lr, coefficients):
    """lr times the sum of A_abc x^a y^b w^c."""

    def change(t, w):
        return lr * sum(
            value * x[t][:, None] ** int(abc[0]) * y[t] ** int(abc[1]) * w ** int(abc[2])
            for abc, value in coefficients.items()
        )

    return of_steps(len(x), w, change)
