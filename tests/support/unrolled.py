"""Exact gradients of small networks: inputs -> recurrent population -> leaky readout, written out and differentiated.

This is the contract of e-prop's gradient, which equals that of the network in which

- recurrent spikes, as they arrive, are constants;
- a spike's derivative is psi, a triangle of u (left minus right side of the threshold) times du, zero while refractory;
- the jump of the variable that stands alone on the threshold's left side is a constant in a reset, of whatever kind;
  with `through_reset` it is differentiated like those of the others;
- every other variable jumps by z*(R - r), where r is its value and R what the reset makes of it.

The time step is the package's: what arrives (inputs of t, spikes of t-1), reset of neurons that spiked at t-1, state
update, psi, spike test, readout. Equations are written out here; nothing is taken from the package.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.support.tape import Node, exp, gradient, spike, stop, total

State = dict[str, Node]


@dataclass(frozen=True)
class Cell:
    """A neuron's equations for a fixed time step."""

    start: dict[str, float]
    update: Callable[[State, Node, np.ndarray], State]
    """State, what arrived (0 where it jumped a variable), and 1 for neurons that are not refractory, else 0."""
    distance: Callable[[State], Node]
    """Left minus right side of the threshold condition."""
    reset: Callable[[State], State]
    """The variables that a reset changes, as it leaves them."""
    membrane: str = "v"
    jumps: str | None = None
    """The differential variable that jumps when spikes arrive, if it is one."""


@dataclass(frozen=True)
class Weights:
    w_in: np.ndarray  # (cells, inputs)
    w_rec: np.ndarray  # (cells, cells), the diagonal 0
    w_out: np.ndarray  # (outputs, cells)


@dataclass(frozen=True)
class Unrolled:
    spikes: np.ndarray  # (steps, cells)
    loss: float
    gradients: Weights


def unroll(
    cell: Cell,
    weights: Weights,
    x: np.ndarray,
    target: np.ndarray,
    kappa: float,
    height: float,
    width: float,
    n_ref: int = 0,
    through_reset: bool = False,
) -> Unrolled:
    """One sample of input spikes (steps, inputs) and targets (steps, outputs): loss 0.5 sum (y - target)^2."""
    w_in, w_rec, w_out = (Node(w) for w in (weights.w_in, weights.w_rec, weights.w_out))
    n = len(weights.w_in)
    state = {name: Node(np.full(n, value)) for name, value in cell.start.items()}
    z, y, left = Node(np.zeros(n)), Node(np.zeros(len(weights.w_out))), np.zeros(n, int)
    loss, spikes = Node(0.0), []
    for inputs, wanted in zip(x, target, strict=True):
        left = np.maximum(left - 1, 0)
        arriving = w_in @ inputs + w_rec @ stop(z)
        if cell.jumps is not None:
            state[cell.jumps], arriving = state[cell.jumps] + arriving, Node(0.0)
        state |= {
            name: jump(state[name], after, z, name != cell.membrane or through_reset)
            for name, after in cell.reset(state).items()
        }
        state = cell.update(state, arriving, (left == 0).astype(float))
        u = cell.distance(state)
        psi = height * np.maximum(0, 1 - np.abs(u.value) / width) * (left == 0)
        z = spike(u, psi, left == 0)
        left = np.where(z.value > 0, n_ref, left)
        y = kappa * y + (1 - kappa) * (w_out @ z)
        loss = loss + 0.5 * total((y - wanted) ** 2)
        spikes.append(z.value)
    found = gradient(loss, [w_in, w_rec, w_out])
    np.fill_diagonal(found[1], 0)
    return Unrolled(np.array(spikes), float(loss.value), Weights(*found))


def jump(before: Node, after: Node, z: Node, differentiated: bool) -> Node:
    """A reset where z is 1, nothing where it is 0."""
    return before + z * (after - before) if differentiated else before + stop(z * (after - before))


def lif(tau_m, v_th, dt, reset="subtract", zeta=None, beta=0.0, tau_a=1.0, held=None) -> Cell:
    """LIF of Bellec et al. 2020, ALIF with beta, and with `held`, a synaptic time constant, a current held over a step.

    What a soft reset subtracts is v_th after the leak, and an adaptation that jumps is 1 after its decay.
    """
    alpha, rho = np.exp(-dt / tau_m), np.exp(-dt / tau_a)
    gain = 1 - alpha if zeta is None else zeta

    def update(s, arrived, able):
        if held is None:
            return {"v": alpha * s["v"] + gain * arrived, "a": rho * s["a"]}
        return {"v": alpha * s["v"] + (1 - alpha) * s["i"], "i": np.exp(-dt / held) * s["i"]}

    def after_spike(s):
        v = s["v"] - v_th / alpha if reset == "subtract" else 0.0 * s["v"]
        return {"v": v} | ({"a": s["a"] + 1 / rho} if held is None else {})

    return Cell(
        start={"v": 0.0} | ({"a": 0.0} if held is None else {"i": 0.0}),
        update=update,
        distance=lambda s: s["v"] - v_th - (beta * s["a"] if held is None else 0.0),
        reset=after_spike,
        jumps=None if held is None else "i",
    )


def linear(rates, gain, dt, names, distance, reset, membrane) -> Cell:
    """Two variables s with ds/dt = rates s + gain*I, integrated exactly, I constant over a step."""
    rates, gain = np.array(rates), np.array(gain)
    values, vectors = np.linalg.eig(rates)
    flow = (vectors @ np.diag(np.exp(values * dt)) @ np.linalg.inv(vectors)).real
    drive = np.linalg.solve(rates, (flow - np.eye(2)) @ gain)

    def update(s, arrived, able):
        return {
            name: flow[k, 0] * s[names[0]] + flow[k, 1] * s[names[1]] + drive[k] * arrived
            for k, name in enumerate(names)
        }

    return Cell(dict.fromkeys(names, 0.0), update, distance, reset, membrane)


def resonate_and_fire(b, omega, v_th, dt) -> Cell:
    """Izhikevich 2001; a weight is the integral of the current over a step."""
    return linear(
        [[b, -omega], [omega, b]],
        [1 / dt, 0.0],
        dt,
        ("x", "y"),
        distance=lambda s: s["y"] - v_th,
        reset=lambda s: {"x": 0.0 * s["x"], "y": 0.0 * s["y"] + v_th},
        membrane="y",
    )


def two_compartments(tau, coupling, dt) -> Cell:
    """A soma v that spikes above 1 and a dendrite d that hears; a spike also halves d and moves it by 0.1 + v/10."""
    return linear(
        [[-(1 + coupling) / tau, coupling / tau], [coupling / tau, -(1 + coupling) / tau]],
        [0.0, 1 / tau],
        dt,
        ("v", "d"),
        distance=lambda s: s["v"] - 1.0,
        reset=lambda s: {"d": 0.5 * s["d"] + 0.1 + 0.1 * s["v"], "v": 0.0 * s["v"] + 0.2},
        membrane="v",
    )


def adex(dt, v_peak=-40.4e-3) -> Cell:
    """Brette & Gerstner 2005 with the paper's parameters in SI units, Euler; v stands still while refractory."""
    c, g, e_l, v_t, slope, tau_w, a, b = 281e-12, 30e-9, -70.6e-3, -50.4e-3, 2e-3, 144e-3, 4e-9, 80.5e-12

    def update(s, arrived, able):
        v, w = s["v"], s["w"]
        current = g * (e_l - v) + g * slope * exp((v - v_t) / slope) - w + arrived
        return {"v": v + dt / c * able * current, "w": w + dt / tau_w * (a * (v - e_l) - w)}

    return Cell(
        {"v": e_l, "w": 0.0},
        update,
        distance=lambda s: s["v"] - v_peak,
        reset=lambda s: {"v": 0.0 * s["v"] + e_l, "w": s["w"] + b},
    )


def izhikevich(dt, a=0.02, b=0.2, c=-65.0, d=8.0) -> Cell:
    """Izhikevich 2003, dt in ms, Euler; v stands still while refractory."""

    def update(s, arrived, able):
        v, u = s["v"], s["u"]
        slope = 0.04 * v**2 + 5 * v + 140 - u + arrived
        return {"v": v + dt * able * slope, "u": u + dt * a * (b * v - u)}

    return Cell(
        {"v": c, "u": b * c},
        update,
        distance=lambda s: s["v"] - 30,
        reset=lambda s: {"v": 0.0 * s["v"] + c, "u": s["u"] + d},
    )


def pulsed(tau, dt) -> Cell:
    """A membrane that decays and that spikes move themselves, reset to 0 after the arrivals; threshold 1."""
    return Cell(
        {"v": 0.0},
        lambda s, arrived, able: {"v": np.exp(-dt / tau) * s["v"]},
        distance=lambda s: s["v"] - 1.0,
        reset=lambda s: {"v": 0.0 * s["v"]},
        jumps="v",
    )
