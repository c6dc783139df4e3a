"""Samplers: names, refusals, and the forest's promises about spaces, outcomes, time and repetition."""

from __future__ import annotations

import time
from concurrent.futures import Executor, Future

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from search.errors import StudyError
from search.samplers import make_sampler
from search.samplers.candidates import Patterns, spread, vary
from search.samplers.forest import STARTUP, ForestSampler
from search.samplers.history import LIMIT, History, Outcome, ranks
from search.samplers.make import MANY, NEEDS, SAMPLERS
from search.samplers.picker import Picker
from search.samplers.space import Axis, Space
from search.samplers.surrogate import NEAR, refit, scalar

optuna.logging.set_verbosity(optuna.logging.WARNING)

DISTRIBUTIONS = [
    FloatDistribution(-2.0, 3.0),
    FloatDistribution(1e-5, 10.0, log=True),
    FloatDistribution(0.0, 1.0, step=0.25),
    IntDistribution(3, 9),
    IntDistribution(10, 50, step=20),
    IntDistribution(1, 1000, log=True),
    CategoricalDistribution(("a", None, True, 2)),
]


def network(trial) -> dict:
    """Parameters as a script asks for them: which exist depends on others."""
    values = {"lr": trial.suggest_float("lr", 1e-5, 1.0, log=True), "n": trial.suggest_int("n", 16, 512, log=True)}
    values["rule"] = trial.suggest_categorical("rule", ["stdp", "eprop", "none"])
    if values["rule"] == "eprop":
        values["beta"] = trial.suggest_float("beta", 0.0, 2.0)
        values["delay"] = trial.suggest_int("delay", 1, 5)
    if values["rule"] == "stdp":
        values["tau"] = trial.suggest_float("tau", 5.0, 50.0, step=5.0)
    return values


def score(values: dict) -> float:
    """At most 1, near 1 only with e-prop in a corner of its own."""
    off = abs(np.log10(values["lr"]) + 3) + abs(np.log2(values["n"] / 200)) / 2
    if values["rule"] == "eprop":
        return 1 / (1 + off + abs(values["beta"] - 0.5) + abs(values["delay"] - 4) / 4)
    return 0.5 / (1 + off + abs(values.get("tau", 5.0) - 20) / 20)


@pytest.fixture(autouse=True)
def seldom(monkeypatch):
    """A fit for every fifth of new trials: one for each would make these tests ten times as long."""
    monkeypatch.setattr("search.samplers.forest.FRESH", 0.2)


def run(sampler, trials: int, direction: str = "maximize") -> optuna.Study:
    study = optuna.create_study(direction=direction, sampler=sampler)
    sign = 1 if direction == "maximize" else -1
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, sign * score(network(trial)))
    return study


def past(number: int, seed: int = 0) -> list[FrozenTrial]:
    """Complete random trials."""
    return run(optuna.samplers.RandomSampler(seed=seed), number).get_trials(deepcopy=False)


# ---- names


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_suggests(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    study = run(make_sampler(name, 1, 3), 15)
    assert len(study.get_trials(states=(TrialState.COMPLETE,))) == 15


def test_the_default_is_chosen_by_the_number_of_workers():
    few, many = make_sampler(None, 1, 0, MANY), make_sampler(None, 1, 0, MANY + 1)
    assert isinstance(few, optuna.samplers.TPESampler) and few._constant_liar
    assert isinstance(many, ForestSampler)


def test_samplers_and_callables_are_used_as_they_are():
    mine = optuna.samplers.RandomSampler()
    assert make_sampler(mine, 2, 0, 100) is mine
    assert isinstance(make_sampler(optuna.samplers.NSGAIISampler, 2, 0), optuna.samplers.NSGAIISampler)


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(StudyError, match=r"'forest', .*nearest: 'forest'"):
        make_sampler("forrest", 1, 0)


def test_what_is_wrong_is_said_before_the_search(monkeypatch):
    monkeypatch.setattr("search.samplers.make.find_spec", lambda package: None)
    with pytest.raises(StudyError) as caught:
        make_sampler("cmaes", 2, 0)
    one, other = caught.value.problems
    assert "one objective" in one and "has 2" in one and "'nsgaii'" in one
    assert "cmaes" in other and "snnsearch[samplers]" in other
    with pytest.raises(StudyError, match="needs the package torch"):
        make_sampler("gp", 1, 0)


# ---- parameters as numbers


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)
def test_numbers_stand_for_values_of_the_distribution(distribution):
    axis = Axis(distribution)
    for number in axis.draw(np.random.default_rng(0), 200):
        value = axis.decode(number)
        assert distribution._contains(distribution.to_internal_repr(value))
        assert axis.encode(value) == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize("distribution", [d for d in DISTRIBUTIONS if Axis(d).levels], ids=str)
def test_levels_count_the_values(distribution):
    axis = Axis(distribution)
    numbers = axis.number(np.arange(axis.levels))
    assert len({axis.decode(number) for number in numbers}) == axis.levels
    np.testing.assert_array_equal(axis.level(numbers), np.arange(axis.levels))


def test_a_range_that_grows_keeps_old_values():
    small = Space({}).joined({"x": FloatDistribution(1, 10, log=True), "only": IntDistribution(3, 3)})
    assert list(small.axes) == ["x"]
    large = small.joined({"x": FloatDistribution(0.1, 5, log=True), "y": IntDistribution(0, 4)})
    rows = large.recode(small.encode({"x": 7.0})[None], small)
    assert large.decode(rows[0]) == {"x": pytest.approx(7.0)}
    assert large.joined({"x": FloatDistribution(2, 3, log=True)}) is large


def test_candidates_have_the_parameters_of_trials_like_them():
    history = History(1, np.random.default_rng(0))
    for trial in past(150):
        history.tell(trial, Outcome((0.0,)))
    rows, random = history.rows, np.random.default_rng(1)
    patterns = Patterns(history.space, rows)
    made = [spread(patterns, random, 300), vary(patterns, rows[:20], patterns.of[:20], random, 300)]
    kinds = set()
    for row in np.concatenate(made):
        params = history.space.decode(row)
        asked = set(network(optuna.trial.FixedTrial(params)))  # raises if one is missing or out of range
        assert asked == set(params)
        kinds.add(params["rule"])
    assert kinds == {"stdp", "eprop", "none"}


# ---- how good trials are


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


# ---- the forest


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
    history = study.sampler._history
    asked = history.taken()[40:]
    assert len(asked) == 100
    features = history.space.features(history.taken())
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
    deadline = time.monotonic() + 120
    while not study.ask().relative_params:
        assert time.monotonic() < deadline, "no fit came to its end"
        time.sleep(0.01)


def test_a_long_study_is_gone_on_with_and_asks_stay_cheap():
    """A hundred times the trials make an ask no dearer: what it chooses from is bounded."""
    known, used = past(100), []
    for times in (1, 100):
        study = optuna.create_study(direction="maximize", sampler=ForestSampler(0, background=False))
        study.add_trials(known * times)
        network(study.ask())
        picker, random = study.sampler._picker, np.random.default_rng(0)
        began = time.thread_time()
        for _ in range(100):
            assert picker.pick(1.0, random) is not None
        used.append(time.thread_time() - began)
    assert used[1] < 5 * used[0]


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
