"""How good trials are, and how many of them a sampler remembers."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.trial import TrialState, create_trial

from search.samplers.history import LIMIT, History, Outcome, ranks
from tests.support.samplers import past


def test_ranks_are_shares_of_complete_trials_beaten():
    outcomes = [Outcome((value,)) for value in (3.0, 1.0, 2.0, 2.0)]
    np.testing.assert_allclose(ranks(outcomes, 1)[:, 0], [7 / 8, 1 / 8, 1 / 2, 1 / 2])


def test_violations_rank_behind_whatever_they_score():
    outcomes = [Outcome((0.1, 0.0)), Outcome((9.0, 9.0), violation=2.0), Outcome((5.0, 5.0), violation=1.0)]
    for good in ranks(outcomes, 2).T:
        assert good[0] > good[2] > good[1]


def test_pruned_and_failed_trials_do_not_look_good():
    complete = [Outcome((float(k),), rungs=(float(k), 2.0 * k)) for k in range(10)]
    ended = [
        Outcome(None, rungs=(2.5,)),
        Outcome(None, rungs=(99.0, 99.0)),
        Outcome(None),
        Outcome(None, rungs=(1, 1, 1)),
    ]
    assert ranks(complete + ended, 1)[10:, 0].tolist() == [0.3, 0.5, 0.0, 0.0]
    assert ranks(ended, 1).tolist() == [[0.0]] * 4


@pytest.mark.parametrize(("kept", "expected"), [({"prequential_accuracy": 0.4}, (0.2, 0.4)), ({}, (-0.2, -0.4))])
def test_outcomes_read_what_a_trial_stores(kept, expected):
    trial = create_trial(params={}, distributions={}, state=TrialState.PRUNED)
    trial.set_user_attr("result", {"rungs": [0.2, 0.4], **kept})
    assert Outcome.of(trial, TrialState.PRUNED, None, (1,)) == Outcome(None, 0.0, expected)
    assert Outcome.of(trial, TrialState.FAIL, None, (1,)) == Outcome(None)
    trial.set_constraint("memory", 3.0)
    trial.set_constraint("accuracy", -1.0)
    assert Outcome.of(trial, TrialState.COMPLETE, [5.0, 2.0], (1, -1)) == Outcome((5.0, -2.0), 3.0, expected)


def test_a_history_is_bounded_and_keeps_the_best():
    history = History(1, np.random.default_rng(0))
    trial = past(1)[0]
    values = np.random.default_rng(1).permutation(3 * LIMIT).astype(float)
    for value in values:
        history.tell(trial, Outcome((value,)))
    rows, good = history.sample()
    assert len(rows) == len(good) <= LIMIT < len(history.rows) == len(values)
    kept = {outcome.values[0] for outcome in history._outcomes}
    assert set(np.sort(values)[-LIMIT // 4 :]) <= kept and len(kept) < 2 * LIMIT
