import optuna
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from search.analysis.pareto import pareto

NUMBER = st.sampled_from([0.0, 1.0, 2.0, 3.0, float("inf")])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), objectives=st.integers(2, 4), constrained=st.booleans())
def test_it_is_optunas_front(data, objectives, constrained):
    several = {"min_size": objectives, "max_size": objectives}
    directions = data.draw(st.lists(st.sampled_from(["minimize", "maximize"]), **several))
    study = optuna.study.create_study(directions=directions)
    for values in data.draw(st.lists(st.lists(NUMBER, **several), max_size=12)):
        constraints = data.draw(st.sampled_from([None, {"size": 0.0}, {"size": 1.0}])) if constrained else None
        study.add_trial(create_trial(values=values, constraints=constraints))
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.ask()
    found = pareto(study.get_trials(deepcopy=False), study.directions)
    assert [trial.number for trial in found] == [trial.number for trial in study.best_trials]
