"""Results that several tests look at."""

from __future__ import annotations

import pytest

from tests.support.networks import spec_of
from tests.support.results import run


@pytest.fixture(scope="session")
def eprop():
    weights = [f"{name}.weight" for name in ("inputs->hidden", "hidden->hidden", "hidden->readout")]
    return run(spec_of("eprop_lif"), record=["spikes", *weights], test=True)


@pytest.fixture(scope="session")
def rewarded():
    tracks = ("rank", "readout_score", "readout_tie")
    return run(spec_of("reward_stdp"), record=["spikes", "environment.action", *(f"out.{t}" for t in tracks)])
