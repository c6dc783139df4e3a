"""Candidates for the next trials, near good past ones."""

from __future__ import annotations

import numpy as np

from search.samplers.space import Axis, Space

SCALES = (0.01, 0.03, 0.1, 0.3)  # of steps from a good trial, as shares of a parameter's range
EXPECTED = 3.0  # a value is ruled out of a pattern that it should have met so many times by chance, and never has


class Patterns:
    """The sets of parameters that occur together, with the levels of discrete ones that occur there.

    Parameters
    ----------
    space : Space
        Of the rows.
    rows : array of shape (trials, parameters)
        Past trials.

    Attributes
    ----------
    axes : list of Axis
        By column.
    active : array of bool, shape (patterns, parameters)
        Which parameters a pattern has.
    of : array of int, shape (trials,)
        The pattern of each trial.
    counts : array of int, shape (patterns,)
        How many trials have it.
    allowed : dict of int to array of bool, shape (patterns, levels)
        By column of a discrete parameter, whether a level may occur in a pattern.
    """

    def __init__(self, space: Space, rows: np.ndarray):
        self.axes: list[Axis] = list(space.axes.values())
        self.active, self.of, self.counts = np.unique(~np.isnan(rows), axis=0, return_inverse=True, return_counts=True)
        self.of = self.of.ravel()
        self.allowed = {c: self._allowed(axis, rows[:, c]) for c, axis in enumerate(self.axes) if axis.levels}

    def _allowed(self, axis: Axis, numbers: np.ndarray) -> np.ndarray:
        met = np.zeros((len(self.counts), axis.levels))
        there = ~np.isnan(numbers)
        np.add.at(met, (self.of[there], axis.level(numbers[there]).astype(int)), 1)
        of_pattern, of_level = met.sum(axis=1, keepdims=True), met.sum(axis=0, keepdims=True)
        expected = of_pattern * of_level / max(1, met.sum())
        return (met > 0) | (expected < EXPECTED)

    def matching(self, rows: np.ndarray) -> np.ndarray:
        """The pattern of each row."""
        known = {mask.tobytes(): index for index, mask in enumerate(self.active)}
        return np.array([known[mask.tobytes()] for mask in ~np.isnan(rows)], int)

    def draw(self, patterns: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """A random row of each of these patterns."""
        rows = np.column_stack([axis.draw(random, len(patterns)) for axis in self.axes])
        for column, allowed in self.allowed.items():
            levels = _choose(allowed[patterns], random)
            rows[:, column] = self.axes[column].number(levels)
        return np.where(self.active[patterns], rows, np.nan)


def spread(patterns: Patterns, random: np.random.Generator, size: int) -> np.ndarray:
    """Random rows, rare patterns more often than they have occurred."""
    share = np.sqrt(patterns.counts)
    return patterns.draw(random.choice(len(share), size=size, p=share / share.sum()), random)


def vary(patterns: Patterns, rows: np.ndarray, of: np.ndarray, random: np.random.Generator, size: int) -> np.ndarray:
    """Rows crossed with one another and then moved a little.

    Parameters
    ----------
    patterns : Patterns
        Of the past.
    rows : array of shape (n, parameters)
        Good trials, the best first.
    of : array of shape (n,)
        The pattern of each.
    size : int
        How many are wanted.
    """
    favour = 1 / (3 + np.arange(len(rows)))
    first = random.choice(len(rows), size=size, p=favour / favour.sum())
    new, pattern = rows[first].copy(), of[first]
    # half of them take some numbers of another good one; its levels only where they may occur in the first's pattern
    other = rows[random.integers(len(rows), size=size)]
    shared = ~np.isnan(new) & ~np.isnan(other)
    crossed = shared & (random.random((size, 1)) < 0.5) & (random.random(new.shape) < 0.5)
    for column, allowed in patterns.allowed.items():
        chosen = np.flatnonzero(crossed[:, column])
        levels = patterns.axes[column].level(other[chosen, column]).astype(int)
        crossed[chosen, column] = allowed[pattern[chosen], levels]
    new[crossed] = other[crossed]
    return move(patterns, new, pattern, random)


def move(patterns: Patterns, rows: np.ndarray, of: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Rows a step away: one to a few parameters of each change, numbers by a little, categories to any."""
    active = ~np.isnan(rows)
    wanted = random.choice([1, 2, 3, 5], size=len(rows)) / np.maximum(1, active.sum(axis=1))
    change = active & (random.random(rows.shape) < wanted[:, None])
    scale = random.choice(SCALES, size=(len(rows), 1))
    moved = rows + change * scale * random.standard_normal(rows.shape)
    moved = 1 - np.abs(1 - np.abs(moved) % 2)  # reflected at both ends
    new = np.where(change, moved, rows)
    for column, axis in enumerate(patterns.axes):
        chosen = np.flatnonzero(change[:, column])
        if column in patterns.allowed:
            levels = _choose(patterns.allowed[column][of[chosen]], random)
            if not axis.choices:  # a neighbour more often than any
                near = axis.level(rows[chosen, column]) + random.choice([-1, 1], size=len(chosen))
                near = np.clip(near, 0, axis.levels - 1).astype(int)
                use = (random.random(len(chosen)) < 0.7) & patterns.allowed[column][of[chosen], near]
                levels = np.where(use, near, levels)
            new[chosen, column] = axis.number(levels)
        else:
            new[chosen, column] = axis.snap(new[chosen, column])
    return new


def _choose(allowed: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """By row, one of the levels that are allowed."""
    return np.argmax(np.where(allowed, random.random(allowed.shape), -1), axis=1)
