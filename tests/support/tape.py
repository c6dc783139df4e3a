"""Reverse-mode automatic differentiation over NumPy arrays: as little of it as the gradients of small networks need.

>>> x = Node(np.array([1.0, 2.0]))
>>> gradient(total(x * x), [x])
[array([2., 4.])]
"""

from __future__ import annotations

import numpy as np


class Node:
    """An array that remembers what it was computed from: parents, and what a change of each is worth."""

    __array_ufunc__ = None  # NumPy arrays leave mixed operations to the methods below

    def __init__(self, value, parents=()):
        self.value = np.asarray(value, dtype=float)
        self.parents = parents  # pairs of a node and the function from this node's gradient to that node's

    def __add__(self, other):
        other = node(other)
        return Node(self.value + other.value, ((self, lambda g: g), (other, lambda g: g)))

    def __mul__(self, other):
        other = node(other)
        return Node(self.value * other.value, ((self, lambda g: g * other.value), (other, lambda g: g * self.value)))

    def __truediv__(self, other):
        other = node(other)
        return self * other**-1

    def __pow__(self, power):
        return Node(self.value**power, ((self, lambda g: g * power * self.value ** (power - 1)),))

    def __matmul__(self, other):
        """A matrix times a vector."""
        other = node(other)
        parents = ((self, lambda g: np.outer(g, other.value)), (other, lambda g: self.value.T @ g))
        return Node(self.value @ other.value, parents)

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -node(other)

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return other * self**-1

    def __rmatmul__(self, other):
        return node(other) @ self

    __radd__, __rmul__ = __add__, __mul__


def node(value) -> Node:
    """A node, or a constant as one."""
    return value if isinstance(value, Node) else Node(value)


def stop(x: Node) -> Node:
    """The same value as a constant: no gradient goes through."""
    return Node(x.value)


def exp(x: Node) -> Node:
    value = np.exp(x.value)
    return Node(value, ((x, lambda g: g * value),))


def total(x: Node) -> Node:
    """The sum over all elements."""
    return Node(x.value.sum(), ((x, lambda g: g * np.ones_like(x.value)),))


def where(condition, a, b) -> Node:
    a, b = node(a), node(b)
    parents = ((a, lambda g: np.where(condition, g, 0.0)), (b, lambda g: np.where(condition, 0.0, g)))
    return Node(np.where(condition, a.value, b.value), parents)


def spike(u: Node, psi: np.ndarray, able=True) -> Node:
    """1 where u >= 0 and the neuron is able to spike, else 0; its derivative is psi whatever the value."""
    return Node((u.value >= 0) & able, ((u, lambda g: g * psi),))


def gradient(of: Node, to: list[Node]) -> list[np.ndarray]:
    """The derivative of a number by each of the given nodes."""
    order, seen, stack = [], set(), [(of, False)]
    while stack:
        this, done = stack.pop()
        if done:
            order.append(this)
        elif id(this) not in seen:
            seen.add(id(this))
            stack += [(this, True), *((parent, False) for parent, _ in this.parents)]
    gradients = {id(of): np.ones_like(of.value)}
    for this in reversed(order):
        for parent, share in this.parents:
            flowed = _unbroadcast(share(gradients[id(this)]), parent.value.shape)
            gradients[id(parent)] = gradients.get(id(parent), 0.0) + flowed
    return [gradients.get(id(x), np.zeros_like(x.value)) for x in to]


def _unbroadcast(gradient, shape):
    """The sum over what NumPy repeated to make shapes agree."""
    gradient = gradient.sum(axis=tuple(range(gradient.ndim - len(shape))))
    return gradient.sum(axis=tuple(k for k, size in enumerate(shape) if size == 1), keepdims=True)
