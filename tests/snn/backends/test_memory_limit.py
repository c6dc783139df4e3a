"""A run is given so much memory and no more."""

from __future__ import annotations

import re
import subprocess

import numpy as np
import pytest

from snn.backends.options import RunOptions
from snn.backends.program import Candidate
from snn.backends.registry import load_program
from snn.errors import RunError
from tests.support.programs import spec
from tests.support.runs import stream

MIB = 2**20


@pytest.fixture(scope="module")
def candidate():
    return Candidate(spec(), 0)


def advance(candidate, samples, **options):
    return load_program(candidate).advance([candidate], [samples], [None], RunOptions(**options))[0]


@pytest.mark.slow
def test_a_limit_that_suffices_changes_nothing(candidate):
    samples = stream(n=10, spikes=True)
    free = advance(candidate, samples, record=("hidden.v",))
    held = advance(candidate, samples, record=("hidden.v",), memory=64 * MIB)
    np.testing.assert_array_equal(free.recordings["hidden.v"], held.recordings["hidden.v"])
    np.testing.assert_array_equal(free.outputs["readout.score"], held.outputs["readout.score"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "n", "said"),
    [
        (32 * MIB, 20_000, "32 MiB"),  # 6 MB of recordings in the first list, and twice that while it grows, and again
        (11 * MIB // 2, 5_000, "5.5 MiB"),
        (1, 1, "1 B"),  # less than the program itself has
    ],
)
def test_a_run_that_needs_more_ends_with_a_sentence_that_names_the_limit(candidate, limit, n, said):
    samples = stream(n=n, steps=50, spikes=True)
    sentence = f"needs more than the {re.escape(said)} of memory that it was given: raise --memory-limit or make the"
    with pytest.raises(RunError, match=sentence):
        advance(candidate, samples, record=("hidden.v",), memory=limit)


@pytest.mark.parametrize("limit", ["-1", "0", "none"])
def test_a_limit_that_is_none_is_refused(candidate, limit, tmp_path):
    binary = load_program(candidate).binary
    command = [binary, tmp_path / "in", tmp_path / "out", limit]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "must be a number of bytes" in done.stderr
