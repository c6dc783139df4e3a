"""The forest sampler: it learns, never repeats itself, and does not wait for its fits."""

from __future__ import annotations

from concurrent.futures import Executor, Future

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from search.samplers.forest import STARTUP, ForestSampler
from search.samplers.history import History, Outcome
from search.samplers.picker import Picker
from search.samplers.surrogate import NEAR, refit, scalar
from tests.support.samplers import network, past, run, score
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def seldom(monkeypatch):
    """A fit for every fifth of new trials: one for each would make these tests ten times as long."""
    monkeypatch.setattr("search.samplers.forest.FRESH", 0.2)


@pytest.mark.slow
def test_it_beats_random_search():
    # Eight pairs of searches; were both alike, it would win 7 or more with probability 9 / 256.
    won = 0
    for seed in range(8):
        forest = run(ForestSampler(seed, background=False), 80)
        won += forest.best_value > run(optuna.samplers.RandomSampler(seed=seed), 80).best_value
    assert won >= 7


def test_it_minimises_too():
    study = run(ForestSampler(0, background=False), 60, "minimize")
    first, last = (np.mean([t.value for t in study.trials[part]]) for part in (slice(20), slice(-20, None)))
    assert last < first - 0.1


def test_it_is_a_function_of_its_seed():
    one, same, other = (run(ForestSampler(seed, background=False), 40).trials for seed in (1, 1, 2))
    assert [t.params for t in one] == [t.params for t in same]
    assert [t.params for t in one] != [t.params for t in other]


def test_suggestions_under_way_differ_from_each_other_and_from_the_past():
    study = run(ForestSampler(0, background=False), 40)
    for _ in range(100):
        network(study.ask())
    history = History(1, np.random.default_rng(0))
    for trial in study.get_trials(deepcopy=False):
        history.tell(trial, Outcome(None))
    features = history.space.features(history.rows)
    assert len(features) == 140
    for index in range(40, len(features)):
        assert (np.abs(features[:index] - features[index]).max(axis=1) >= NEAR - 1e-6).all()


def test_an_exhausted_space_is_searched_at_random():
    study = optuna.create_study(sampler=ForestSampler(0, background=False))
    for _ in range(30):
        trial = study.ask()
        study.tell(trial, trial.suggest_int("a", 0, 2) + trial.suggest_categorical("b", [0, 1]))
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 6


def test_a_parameter_that_was_not_foreseen_is_drawn_near_good_trials():
    study = run(ForestSampler(0, background=False), 200)
    trial = study.ask()
    trial.relative_params.clear()
    good = [network(trial) for trial in [study.ask() for _ in range(60)] if not trial.relative_params.clear()]
    assert np.mean([score(values) for values in good]) > 2 * np.mean([trial.value for trial in past(200)])


def test_enqueued_and_resumed_trials_keep_their_parameters():
    study = run(ForestSampler(0, background=False), 40)
    study.enqueue_trial({"lr": 0.5, "n": 20, "rule": "none"})
    trial = study.ask()
    assert network(trial) == {"lr": 0.5, "n": 20, "rule": "none"}
    again = optuna.trial.Trial(study, trial._trial_id)
    assert network(again) == trial.params


def test_several_objectives_are_searched_along_their_front():
    def values(trial) -> tuple[float, float]:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return x + (y - 0.5) ** 2, 1 - x + (y - 0.5) ** 2

    def spread_of(sampler) -> tuple[float, float]:
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        for _ in range(80):
            trial = study.ask()
            study.tell(trial, values(trial))
        late = study.trials[-40:]
        off = np.mean([(trial.params["y"] - 0.5) ** 2 for trial in late])
        return float(off), float(np.ptp([trial.params["x"] for trial in late]))

    off, reach = spread_of(ForestSampler(0, background=False))
    assert off < 0.5 / 12  # half of what random search has
    assert reach > 0.6


def test_constraints_are_learnt():
    study = optuna.create_study(direction="maximize", sampler=ForestSampler(0, background=False))
    for _ in range(80):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 0, 1)
        trial.set_constraint("x", x - 0.4)
        study.tell(trial, x)
    late = [trial.params["x"] for trial in study.trials[-40:]]
    assert np.mean(np.array(late) <= 0.4) > 0.6  # at random it would be 0.4
    assert np.mean(late) > 0.25  # of those allowed, the high ones


def test_where_trials_fail_few_are_suggested():
    study = optuna.create_study(direction="maximize", sampler=ForestSampler(0, background=False))
    for _ in range(80):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        trial.suggest_float("y", 0, 1)
        study.tell(trial, None if x > 0.5 else 1.0, state=TrialState.FAIL if x > 0.5 else TrialState.COMPLETE)
    late = [trial.params["x"] > 0.5 for trial in study.trials[-40:]]
    assert np.mean(late) < 0.25  # at random 10 or fewer of 40 have a probability of one in a thousand


class Held(Executor):
    """Refits that are over when they are let go."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, function, args))
        return future

    def release(self):
        for future, function, args in self.waiting:
            future.set_result(function(*args))
        self.waiting.clear()


def test_asks_go_on_while_a_fit_is_under_way():
    held = Held()
    study = run(ForestSampler(0, refits=held), STARTUP + 20)
    assert len(held.waiting) == 1  # one at a time
    trial = study.ask()
    assert not trial.relative_params
    held.release()
    assert study.ask().relative_params
    assert study.sampler.seconds > 0


def test_fits_in_the_background_are_taken_over():
    study = run(ForestSampler(0), 30)
    wait_for(lambda: study.ask().relative_params, 120)


def test_a_long_study_is_gone_on_with_and_asks_stay_cheap():
    """An ask goes through what a fit gives it, which is no more after a hundred times the trials."""
    known, sizes = past(100), []
    for times in (1, 100):
        history = History(1, np.random.default_rng(0))
        for trial in known * times:
            history.tell(trial, Outcome((trial.value,)))
        rows, good = history.sample()
        batch = refit(history.space, rows, good, history.taken(), 0)
        sizes.append(np.array([*batch.rows.shape, *batch.leaves.shape, *batch.values.shape]))
        assert Picker(batch, history.taken(len(history.rows))).pick(1.0, np.random.default_rng(0)) is not None
    assert (sizes[1] <= 1.1 * sizes[0]).all(), sizes
    study = optuna.create_study(direction="maximize", sampler=ForestSampler(0, background=False))
    study.add_trials(known * 10)
    assert study.ask().relative_params


def test_the_weight_of_uncertainty_spreads_suggestions():
    history = History(1, np.random.default_rng(0))
    for trial in past(100):
        history.tell(trial, Outcome((trial.value,)))
    rows, good = history.sample()
    batch = refit(history.space, rows, good, history.taken(), 0)

    def unsure(kappa: float) -> float:
        picker, random = Picker(batch, np.empty((0, rows.shape[1]))), np.random.default_rng(0)
        picked = [picker.pick(kappa, random) for _ in range(20)]
        where = [
            next(k for k, one in enumerate(batch.rows) if np.array_equal(one, row, equal_nan=True)) for row in picked
        ]
        return float(batch.deviation[where].mean())

    assert unsure(10.0) > unsure(0.0)


def test_a_scalar_prefers_what_the_weights_prefer():
    values = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.6]])
    assert [int(np.argmax(scalar(values, np.array(w)))) for w in ([1, 0.01], [0.01, 1], [0.5, 0.5])] == [0, 1, 2]
