"""Who is connected, and with which weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn import Constant, Dense, FixedFanIn, FromArray, Normal, OneToOne, Sparse, Uniform
from snn.errors import NetworkError

sizes = st.integers(1, 30)


@st.composite
def connections(draw):
    """A connection and sizes that fit it, and whether both sides are one population."""
    same = draw(st.booleans())
    n_pre = draw(sizes)
    n_post = n_pre if same else draw(sizes)
    autapses = draw(st.booleans())
    kinds = ["dense", "sparse", "fan-in", "one to one"]
    kind = draw(st.sampled_from(kinds))
    if kind == "dense":
        connection = Dense(autapses=autapses)
    elif kind == "sparse":
        connection = Sparse(p=draw(st.floats(0, 1)), autapses=autapses)
    elif kind == "fan-in" and (most := n_pre - (same and not autapses)) > 0:
        connection = FixedFanIn(k=draw(st.integers(1, most)), autapses=autapses)
    else:
        connection, n_post = OneToOne(), n_pre
    return connection, n_pre, n_post, same


@given(connections(), st.integers(0, 2**32))
def test_pairs(drawn, seed):
    """Sorted by pre, then post; each at most once; within bounds; the same for the same seed; autapses if asked for."""
    connection, n_pre, n_post, same = drawn
    assert connection.number_problems("x") == [] and connection.problems("x", n_pre, n_post, same) == []
    pre, post = connection.pairs(np.random.default_rng(seed), n_pre, n_post, same)
    assert pre.dtype == post.dtype == np.int32
    flat = pre.astype(int) * n_post + post
    assert (np.diff(flat) > 0).all()
    if len(flat):
        assert pre.min() >= 0 and pre.max() < n_pre and post.min() >= 0 and post.max() < n_post
    if same and not isinstance(connection, OneToOne) and not connection.autapses:
        assert (pre != post).all()
    again = connection.pairs(np.random.default_rng(seed), n_pre, n_post, same)
    assert np.array_equal(pre, again[0]) and np.array_equal(post, again[1])
    kept = n_pre * n_post - (n_pre if same and not getattr(connection, "autapses", True) else 0)
    if isinstance(connection, Dense) or (isinstance(connection, Sparse) and connection.p == 1):
        assert len(flat) == kept
    if isinstance(connection, FixedFanIn):
        assert (np.bincount(post, minlength=n_post) == connection.k).all()
    if isinstance(connection, OneToOne):
        assert pre.tolist() == post.tolist() == list(range(n_pre))


@pytest.mark.parametrize("p", [0.0, 0.03, 0.5, 0.97, 1.0])
@pytest.mark.parametrize("same", [False, True])
def test_sparse_is_binomial(p, same):
    """The whole, and each side: 4 standard errors for one number, and the variance over neurons."""
    n = 400
    pre, post = Sparse(p=p).pairs(np.random.default_rng(1), n, n, same)
    pairs = n * n - (n if same else 0)
    assert abs(len(pre) - pairs * p) <= 4 * np.sqrt(pairs * p * (1 - p))
    if 0 < p < 1:
        for side in (pre, post):
            counts = np.bincount(side, minlength=n)
            assert abs(counts.var() / (n * p * (1 - p)) - 1) < 4 * np.sqrt(2 / n)


def test_fixed_fan_in_takes_everyone_equally():
    n, k = 300, 30
    for same in (False, True):
        pre, post = FixedFanIn(k).pairs(np.random.default_rng(2), n, n, same)
        p = k / (n - same)
        counts = np.bincount(pre, minlength=n)
        assert abs(counts.var() / (n * p * (1 - p)) - 1) < 4 * np.sqrt(2 / n)
        first = pre[np.argsort(post, kind="stable")].reshape(n, k)
        assert abs(first.mean() - (n - 1) / 2) < 4 * n / np.sqrt(12 * n * k)


def test_weights_have_their_moments():
    rng, n_pre, n_post = np.random.default_rng(3), 200, 150
    pre, post = Dense().pairs(rng, n_pre, n_post, False)
    fan_in = np.bincount(post, minlength=n_post)
    n = len(pre)
    normal = Normal(gain=1.7, mean=0.3).draw(rng, pre, post, fan_in)
    assert abs(normal.mean() - 0.3) < 4 * 1.7 / np.sqrt(n_pre * n)
    assert abs(normal.std() / (1.7 / np.sqrt(n_pre)) - 1) < 4 / np.sqrt(2 * n)
    uniform = Uniform(-1, 3).draw(rng, pre, post, fan_in)
    assert uniform.min() >= -1 and uniform.max() < 3
    assert abs(uniform.mean() - 1) < 4 * 4 / np.sqrt(12 * n)
    assert (Constant(0.25).draw(rng, pre, post, fan_in) == 0.25).all()


def test_the_gain_counts_each_neurons_own_fan_in():
    """A neuron with 400 synapses has weights half as wide as one with 100."""
    pre = np.concatenate([np.arange(100), np.arange(400)])
    post = np.repeat([0, 1], [100, 400])
    weights = Normal(gain=1).draw(np.random.default_rng(4), pre, post, np.bincount(post))
    assert abs(weights[:100].std() / 0.1 - 1) < 4 / np.sqrt(200)
    assert abs(weights[100:].std() / 0.05 - 1) < 4 / np.sqrt(800)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=12, max_size=12))
def test_given_weights_are_kept_to_the_bit(values):
    array = np.array(values)
    weights = FromArray(array)
    pre, post = Dense().pairs(np.random.default_rng(0), 3, 4, False)
    drawn = weights.draw(np.random.default_rng(0), pre, post, np.full(4, 3))
    assert drawn.tobytes() == array.tobytes()
    matrix = FromArray(array.reshape(3, 4))
    np.testing.assert_array_equal(matrix.draw(None, pre, post, None), drawn)
    assert drawn[pre == 1].tolist() == array.reshape(3, 4)[1].tolist()
    array[:] = 0  # what is frozen does not follow the user's array
    np.testing.assert_array_equal(weights.draw(None, pre, post, None), drawn)
    assert weights == FromArray(values) and weights != matrix and hash(weights) == hash(FromArray(values))


def test_given_weights_of_another_number_are_refused_at_the_run_too():
    pre, post = Sparse(p=0.5).pairs(np.random.default_rng(0), 5, 5, False)
    with pytest.raises(NetworkError, match=f"must be one number per synapse: {len(pre)}, but there are 3"):
        FromArray(np.ones(3)).draw(None, pre, post, None)


def test_other_weights_on_the_same_connection():
    assert Sparse(p=0.3).with_weights(Constant(2.0)) == Sparse(p=0.3, weights=Constant(2.0))
