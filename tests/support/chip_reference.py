"""Independent NumPy steppers of what a chip writes, from the equations in its docstring.

Spikes of both sides are given, so that a rule's proposals are known; ``draw`` stands for the random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

Draw = Callable[[int, int], np.ndarray]
"""(stream, step) -> a uniform number for every synapse."""
Proposal = tuple[str, np.ndarray, np.ndarray]


@dataclass
class Cells:
    """Weights w of shape (pre, post) on a grid from `low` in steps of `step`, and what waits to be written."""

    w: np.ndarray
    draw: Draw
    low: float = 0.0
    step: float | None = None
    levels: int = 0
    bounds: tuple[float, float] = (-np.inf, np.inf)
    stochastic: bool = False
    accumulator: int | None = None
    gain: np.ndarray | float = 1.0
    up: float = 1.0
    down: float = 1.0
    noise: Draw | None = None
    waiting: np.ndarray = field(init=False)
    writes: int = 0

    def __post_init__(self):
        self.waiting = np.zeros_like(self.w)
        if self.step is not None:
            k = np.clip(np.floor((self.w - self.low) / self.step + 0.5), 0, self.levels - 1)
            self.w = self.low + self.step * k

    def rounded(self, x, stream, t):
        return np.floor(x + (self.draw(stream, t) if self.stochastic else 0.5))

    def propose(self, dw, where, stream, t, at_once, then=None):
        """Take up a change of the synapses `where`; `then` is the stream from which an accumulator's writes draw."""
        if self.accumulator is not None:
            units = self.rounded(dw / self.step * 2**self.accumulator, stream, t)
            self.waiting += np.where(where, units, 0)
            if at_once:
                self.flush(where, then, t)
        elif at_once:
            self.change(np.where(where, dw, 0), where, stream, t)
        else:
            self.waiting += np.where(where, dw, 0)

    def flush(self, where, stream, t):
        """Write what waits."""
        if self.accumulator is not None:
            whole = np.trunc(np.where(where, self.waiting, 0) / 2**self.accumulator)
            self.waiting -= whole * 2**self.accumulator
            if self.noise is None:
                self.move(whole)
            else:
                self.move(np.where(where, self.rounded(self.device(whole, stream, t), stream + 1, t), 0))
        else:
            self.change(np.where(where, self.waiting, 0), where, stream, t)
            self.waiting[where] = 0

    def device(self, dw, stream, t):
        """What the devices make of a change."""
        dw = self.gain * dw * np.where(dw > 0, self.up, self.down)
        return dw if self.noise is None else dw * (1 + self.noise(stream, t))

    def change(self, dw, where, stream, t):
        if self.step is None:
            self.count(np.clip(self.w + self.device(dw, stream, t), *self.bounds))
        else:
            steps = self.device(dw, stream, t) / self.step
            self.move(np.where(where, self.rounded(steps, stream + (self.noise is not None), t), 0))

    def drift(self, target, factor, stream, t):
        """Relax, uncounted, where devices move at all."""
        dw = np.where(np.broadcast_to(self.gain, self.w.shape) != 0, (target - self.w) * (1 - factor), 0)
        writes = self.writes
        if self.step is None:
            self.count(self.w + dw)
        else:
            self.move(self.rounded(dw / self.step, stream, t))
        self.writes = writes

    def move(self, steps):
        k = np.floor((self.w - self.low) / self.step + 0.5)
        self.count(np.where(steps == 0, self.w, self.low + self.step * np.clip(k + steps, 0, self.levels - 1)))

    def count(self, new):
        self.writes += int(np.count_nonzero(new != self.w))
        self.w = new


def as_it_is(side, x, spiked, t):
    """A trace of any precision."""
    return x


def pair_proposals(pre, post, a_plus, a_minus, decay, kept=as_it_is) -> Iterator[list[Proposal]]:
    """What pair STDP proposes in each step, in order: the event, the change, and the synapses that have the event.

    ``kept`` is what is kept of one side's traces that have decayed, or that spikes have added to.
    """
    x, y = np.zeros((pre.shape[1], 1)), np.zeros((1, post.shape[1]))
    for t, (z_pre, z_post) in enumerate(zip(pre, post, strict=True)):
        x, y = kept("pre", decay * x, False, t), kept("post", decay * y, False, t)
        there, spiked = np.outer(z_pre, np.ones_like(z_post)) > 0, np.outer(np.ones_like(z_pre), z_post) > 0
        yield [("pre", -a_minus * y + 0 * x, there), ("post", a_plus * x + 0 * y, spiked)]
        x = np.where(z_pre[:, None], kept("pre", x + 1, True, t), x)
        y = np.where(z_post[None, :], kept("post", y + 1, True, t), y)
