"""The tape against central differences, and what is peculiar to its spikes."""

import numpy as np
import pytest

from tests.support.tape import Node, exp, gradient, spike, stop, total, where

rng = np.random.default_rng(0)
A, B = rng.uniform(0.5, 1.5, (3, 4)), rng.uniform(0.5, 1.5, 4)
SMOOTH = {
    "add": lambda a, b: total(2 + a + b),
    "subtract": lambda a, b: total((3 - a) * (a - b)),
    "multiply": lambda a, b: total(a * b * 3.0 * a),
    "divide": lambda a, b: total(a / b + 2.0 / a),
    "power": lambda a, b: total(a**3 + b**-0.5),
    "exp": lambda a, b: total(exp(a * b) * -b),
    "matmul": lambda a, b: total((a @ b) ** 2 + np.ones((3, 4)) @ b),
    "where": lambda a, b: total(where(A > 1, a * b, exp(b) + a)),
    "a scalar": lambda a, b: total(a) * total(b * b) / 7,
    "a long chain": lambda a, b: chain(a, b, 1100),  # longer than Python lets functions call one another
}


def chain(a, b, steps):
    for _ in range(steps):
        b = b * 0.999 + total(a) * 1e-4
    return total(b * b)


@pytest.mark.parametrize("name", SMOOTH)
def test_central_differences(name):
    f, h = SMOOTH[name], 1e-5
    nodes = [Node(A), Node(B)]
    for k, exact in enumerate(gradient(f(*nodes), nodes)):
        for index in list(np.ndindex(exact.shape))[:: 5 if name == "a long chain" else 1]:
            ends = []
            for sign in (1, -1):
                moved = [A.copy(), B.copy()]
                moved[k][index] += sign * h
                ends.append(float(f(*map(Node, moved)).value))
            # Rounding is about 1e-16 f/h, the remainder h^2 f'''/6.
            assert exact[index] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-7, abs=1e-8)


def test_a_constant_has_no_gradient():
    a = Node(A)
    np.testing.assert_array_equal(gradient(total(stop(a) * a), [a])[0], A)
    np.testing.assert_array_equal(gradient(total(stop(a)), [a])[0], 0 * A)


def test_a_spike_is_a_step_forwards_and_psi_backwards():
    u, psi = Node(np.array([-1.0, 0.0, 2.0, 2.0])), np.array([0.1, 0.2, 0.3, 0.4])
    z = spike(u, psi, np.array([True, True, True, False]))
    np.testing.assert_array_equal(z.value, [0, 1, 1, 0])
    np.testing.assert_array_equal(gradient(total(z * 5.0), [u])[0], 5 * psi)
