"""Journals of overlapping trials, and what a repair of a damaged one must keep."""

import optuna
from optuna.trial import TrialState

from search.storage.attributes import REPAIRED
from search.storage.journal.file import open_journal
from search.storage.journal.repair import repair

optuna.logging.set_verbosity(optuna.logging.WARNING)


def journal_of(storage):
    """Trials that overlap, as with several workers: complete, pruned, failed, enqueued, added, running."""
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize")
    study.set_user_attr("objectives", ["accuracy"])
    study.enqueue_trial({"x": 0.25})
    study.add_trial(optuna.trial.create_trial(value=0.5, params={}, distributions={}))
    running = []
    for number in range(9):
        trial = study.ask()
        trial.set_user_attr("seed", number)
        trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("kind", ["a", "b"])
        trial.set_user_attr("network", '{"crc":"00000000"}' * number)
        running.append(trial)
        if number % 2:
            ended = running.pop(0)
            ended.report(0.25, 1)
            state = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE, TrialState.FAIL)[number // 2]
            study.tell(ended, number / 8 if state == TrialState.COMPLETE else None, state=state)
    return study


def content(trial):
    attrs = {name: value for name, value in trial.user_attrs.items() if name != REPAIRED}
    return trial.state, trial.values, trial.params, attrs, trial.intermediate_values, trial.system_attrs


def trials_of(path):
    return optuna.load_study(study_name="s", storage=open_journal(path)).trials


def check_repair(data, before, path):
    repaired = repair(data, ("s", [2]))
    path.write_bytes(repaired.text)
    after = trials_of(path)
    assert not repaired.whole and repaired.kept <= repaired.lines
    harmed = {number for loss in repaired.losses for _, number in loss.trials} | {n for _, n in repaired.recreated}
    assert len(after) == len(before)
    for one, other in zip(before, after, strict=True):
        assert one.number in harmed or content(one) == content(other)
        if other.values is not None:
            assert one.values == other.values
        assert other.params.items() <= one.params.items()
        said = {name: value for name, value in content(other)[3].items() if name != "reason"}
        assert said.items() <= one.user_attrs.items()
    assert len(harmed) <= 5  # those under way
