"""Random numbers: the published generator, the same in C++, and without pattern where a simulation would find one."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from snn.backends.standalone.compiler import ENGINE, compiler
from snn.random import GOLDEN, MASK, _mix_int, normal, uniform

N = 100_000
MAIN = """
#include "functions.h"
#include <cstdio>
int main() {
    long long seed, stream, step, element;
    while (std::scanf("%lld %lld %lld %lld", &seed, &stream, &step, &element) == 4)
        std::printf("%a %a\\n", snn_uniform(seed, stream, step, element), snn_normal(seed, stream, step, element));
}
"""
whole = st.integers(0, 2**31 - 1)


def test_the_mixer_is_splitmix64():
    """First outputs of SplitMix64 from seed 1234567 (Vigna's splitmix64.c, as published by Rosetta Code)."""
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
    assert [_mix_int((1234567 + k * GOLDEN) & MASK) for k in range(5)] == outputs


def test_known_values():
    """Pinned: a change here changes every stored result."""
    np.testing.assert_array_equal(
        uniform(0, 1, 0, np.arange(3)), [0.8164140271575341, 0.9595864543180406, 0.04892331293322594]
    )
    np.testing.assert_allclose(
        normal(3, 2, 1000, np.arange(3)), [0.42720430463634756, -1.026278892268447, 0.3638696712590715], rtol=1e-15
    )


def test_cpp_equals_numpy(tmp_path):
    """Bit for bit where arithmetic is exact; the normal takes log and cos, which two libraries may round apart."""
    (tmp_path / "main.cpp").write_text(MAIN)
    command = [*compiler(), "-std=c++17", "-O2", f"-I{ENGINE}", "main.cpp", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    rng = np.random.default_rng(0)
    high = np.array([2**31, 100, 2**40, 2**31])
    asked = np.vstack([rng.integers(0, high, (3000, 4)), [[0, 0, 0, 0], (high - 1).tolist()]])
    text = "\n".join(" ".join(map(str, row)) for row in asked)
    said = subprocess.run([tmp_path / "main"], input=text, capture_output=True, text=True, check=True).stdout
    cpp = np.array([[float.fromhex(number) for number in line.split()] for line in said.splitlines()])
    numpy = np.array([[function(*row)[0] for function in (uniform, normal)] for row in asked.tolist()])
    assert cpp.shape == numpy.shape
    np.testing.assert_array_equal(cpp[:, 0], numpy[:, 0])
    np.testing.assert_allclose(cpp[:, 1], numpy[:, 1], rtol=0, atol=1e-15 * np.abs(numpy[:, 1]).max())


DITHER = """
#include "functions.h"
#include <cstdio>
int main() {
    long long seed, stream, step, element;
    while (std::scanf("%lld %lld %lld %lld", &seed, &stream, &step, &element) == 4)
        std::printf("%a\\n", double(snn_dither(seed, stream, step, element)));
}
"""


@pytest.mark.parametrize(("real", "bits"), [("float", 24), ("double", 53)])
def test_dither_is_the_uniform_number_cut_to_a_reals_bits(real, bits, tmp_path):
    """So never 1, as a float that is rounded would be once in 2**25."""
    (tmp_path / "main.cpp").write_text(DITHER)
    command = [*compiler(), "-std=c++17", "-O2", f"-DSNN_REAL={real}", f"-I{ENGINE}", "main.cpp", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    elements = np.arange(2000)
    text = "\n".join(f"3 {2**20} 12345678901 {element}" for element in elements)
    said = subprocess.run([tmp_path / "main"], input=text, capture_output=True, text=True, check=True).stdout
    cpp = [float.fromhex(line) for line in said.splitlines()]
    drawn = uniform(3, 2**20, 12345678901, elements)
    np.testing.assert_array_equal(cpp, np.floor(drawn * 2.0**bits) / 2.0**bits)


@given(whole, whole, st.integers(0, 2**50), st.lists(whole, min_size=1, max_size=20))
def test_a_draw_depends_on_its_own_indices_alone(seed, stream, step, elements):
    together = uniform(seed, stream, step, np.array(elements))
    assert ((together >= 0) & (together < 1)).all()
    alone = [uniform(seed, stream, step, np.array([element]))[0] for element in elements]
    np.testing.assert_array_equal(together, alone)
    assert np.isfinite(normal(seed, stream, step, np.array(elements))).all()


@pytest.mark.parametrize("axis", ["seed", "stream", "step", "element"])
def test_uniform_along_every_axis(axis):
    """Chi-squared of 100 bins and serial correlations, at a level that 1 generator in 10,000 fails by chance."""
    if axis == "element":
        draws = uniform(7, 3, 11, np.arange(N))
    else:
        given = {"seed": 7, "stream": 3, "step": 11, "element": 5}
        draws = np.array([uniform(**given | {axis: k})[0] for k in range(20_000)])
    counts, _ = np.histogram(draws, bins=100, range=(0, 1))
    assert stats.chisquare(counts).pvalue > 1e-4
    assert len(np.unique(draws)) == len(draws)
    for lag in (1, 2, 64):
        assert abs(np.corrcoef(draws[:-lag], draws[lag:])[0, 1]) < 4 / np.sqrt(len(draws))


def test_elements_may_have_seeds_of_their_own():
    """As those of candidates side by side have: the same numbers, to the last bit."""
    seeds, elements = np.array([0, 1, 2**31 - 1, 7, 7]), np.array([0, 5, 2, 2, 3])
    for draw in (uniform, normal):
        one_by_one = [draw(int(s), 4, 100, np.array([e]))[0] for s, e in zip(seeds, elements, strict=True)]
        np.testing.assert_array_equal(draw(seeds, 4, 100, elements), one_by_one)


def test_seeds_streams_and_steps_are_independent():
    """Neighbouring ones, as simulations use them, over the same elements."""
    base = uniform(1, 1, 1, np.arange(N))
    for other in ((2, 1, 1), (1, 2, 1), (1, 1, 2), (0, 2, 1), (1, 1, 0), (1, 1 + (1 << 40), 1)):
        draws = uniform(*other, np.arange(N))
        assert abs(np.corrcoef(base, draws)[0, 1]) < 4 / np.sqrt(N)
        pairs, _, _ = np.histogram2d(base, draws, bins=10, range=[(0, 1), (0, 1)])
        assert stats.chisquare(pairs.ravel()).pvalue > 1e-4
        assert not np.intersect1d(base, draws).size  # none is another one, moved along


def test_normal_has_the_moments_of_a_normal():
    draws = normal(5, 9, 2, np.arange(N))
    assert abs(draws.mean()) < 4 / np.sqrt(N)
    assert abs(draws.var() - 1) < 4 * np.sqrt(2 / N)
    assert abs(stats.skew(draws)) < 4 * np.sqrt(6 / N)
    assert abs(stats.kurtosis(draws)) < 4 * np.sqrt(24 / N)
    assert stats.kstest(draws, "norm").pvalue > 1e-4
    again = normal(5, 9, 3, np.arange(N))
    assert abs(np.corrcoef(draws, again)[0, 1]) < 4 / np.sqrt(N)
    assert abs(np.corrcoef(draws**2, again**2)[0, 1]) < 4 / np.sqrt(N)


def test_bits_of_the_uniform_are_fair():
    """Each of the 53 bits is set half of the time; none is stuck."""
    bits = (uniform(2, 2, 2, np.arange(N)) * 2.0**53).astype(np.uint64)
    shares = [(bits >> np.uint64(k) & np.uint64(1)).mean() for k in range(53)]
    assert np.abs(np.array(shares) - 0.5).max() < 4.5 * 0.5 / np.sqrt(N)
