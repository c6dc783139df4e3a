"""Connection patterns, drawn by NumPy and so the same for every backend."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from snn import fields
from snn.connectivity.weights import Constant, FromArray, Normal, Weights
from snn.fields import flag, number
from snn.serial import serialisable

Pairs = tuple[np.ndarray, np.ndarray]


class Connection(ABC):
    """A pattern of connections between two populations.

    Synapses are listed by presynaptic neuron, then by postsynaptic neuron; a rule's per-synapse arrays keep that order.
    """

    weights: Weights

    @abstractmethod
    def pairs(self, rng: np.random.Generator, n_pre: int, n_post: int, same: bool) -> Pairs:
        """Indices of connected neurons; `same` says that both sides are one population."""

    def with_weights(self, weights: Weights) -> Connection:
        """The same connection with other first weights."""
        return dataclasses.replace(self, weights=weights)  # type: ignore[type-var]

    def problems(self, name: str, n_pre: int, n_post: int, same: bool) -> list[str]:
        """Return the problems of a connection between so many neurons, whose own numbers are right."""
        return []

    def number_problems(self, name: str) -> list[str]:
        """Return all problems of the connection's own numbers, one sentence each."""
        found = fields.problems(self, name)
        if not isinstance(self.weights, Weights):
            return [*found, f"`weights` of {name} must be given as Normal(gain=1) or so, but are {self.weights!r}."]
        return found + self.weights.problems(name)

    def with_synapses(self, name: str, n: int) -> list[str]:
        """Whether `FromArray` weights are as many as the synapses."""
        if isinstance(self.weights, FromArray) and self.weights.values.size != n:
            return [
                f"`FromArray` weights of {name} must be one per synapse, {n}, but there are {self.weights.values.size}."
            ]
        return []


def _row_major(pre: np.ndarray, post: np.ndarray) -> Pairs:
    order = np.lexsort((post, pre))
    return pre[order].astype(np.int32), post[order].astype(np.int32)


@serialisable
@dataclass(frozen=True)
class Dense(Connection):
    """Every neuron to every neuron; within one population without self-connections unless `autapses`."""

    weights: Weights = Normal()
    autapses: bool = flag(False)

    def pairs(self, rng, n_pre, n_post, same):
        pre, post = np.divmod(np.arange(n_pre * n_post, dtype=np.int64), n_post)
        if same and not self.autapses:
            keep = pre != post
            pre, post = pre[keep], post[keep]
        return pre.astype(np.int32), post.astype(np.int32)

    def problems(self, name, n_pre, n_post, same):
        return self.with_synapses(name, n_pre * n_post - (n_pre if same and not self.autapses else 0))


@serialisable
@dataclass(frozen=True)
class Sparse(Connection):
    """Each pair with probability `p`, independently; no self-connections unless `autapses`."""

    p: float = number(0.1, at_least=0, at_most=1)
    weights: Weights = Normal()
    autapses: bool = flag(False)

    def pairs(self, rng, n_pre, n_post, same):
        counts = rng.binomial(n_post, self.p, n_pre)
        rows = [np.sort(rng.choice(n_post, k, replace=False)) for k in counts]
        pre = np.repeat(np.arange(n_pre), counts)
        post = np.concatenate(rows) if rows else np.empty(0, int)
        if same and not self.autapses:
            keep = pre != post
            pre, post = pre[keep], post[keep]
        return pre.astype(np.int32), post.astype(np.int32)


@serialisable
@dataclass(frozen=True)
class FixedFanIn(Connection):
    """Every postsynaptic neuron receives exactly `k` synapses, from different neurons."""

    k: int = number(8, at_least=1, integer=True)
    weights: Weights = Normal()
    autapses: bool = flag(False)

    def pairs(self, rng, n_pre, n_post, same):
        exclude = same and not self.autapses
        columns = []
        for j in range(n_post):
            drawn = rng.choice(n_pre - exclude, int(self.k), replace=False)
            columns.append(drawn + (drawn >= j) if exclude else drawn)
        return _row_major(np.concatenate(columns), np.repeat(np.arange(n_post), int(self.k)))

    def problems(self, name, n_pre, n_post, same):
        most = n_pre - (same and not self.autapses)
        if self.k > most:
            return [f"`k <= {most}` (the presynaptic neurons) must hold, but {name} has k = {self.k}."]
        return self.with_synapses(name, n_post * int(self.k))


@serialisable
@dataclass(frozen=True)
class OneToOne(Connection):
    """Neuron i to neuron i; both populations have the same size."""

    weights: Weights = Constant(1.0)

    def pairs(self, rng, n_pre, n_post, same):
        index = np.arange(n_pre, dtype=np.int32)
        return index, index.copy()

    def problems(self, name, n_pre, n_post, same):
        if n_pre != n_post:
            return [f"OneToOne needs two populations of one size, but {name} joins {n_pre} to {n_post} neurons."]
        return self.with_synapses(name, n_pre)
