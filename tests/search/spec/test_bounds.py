"""The most of what a search can be asked for."""

from __future__ import annotations

import pytest
from optuna.samplers import RandomSampler

from search import Study
from search.errors import StudyError
from search.spec.bounds import problems_with_workers, useful_workers
from search.start.resources import available_cpus, executor_of
from tests.support.synthetic import Bowl, network


def test_no_more_workers_are_started_than_have_something_to_do():
    assert useful_workers(8, jobs=3, cpus=2) == 3
    assert useful_workers(8, jobs=0, cpus=2) == 2  # the best are scored on the test part
    assert useful_workers(8, jobs=100, cpus=2) == 8
    assert useful_workers(1, jobs=100, cpus=2) == 1


def test_workers_are_bounded_by_the_trials_that_are_left(tmp_path):
    plan = Study(network, Bowl(), storage=tmp_path / "s.journal").plan()
    executor = executor_of(plan, 1000, 5)
    assert executor.workers == max(5, available_cpus())
    executor.stop()


def test_a_cluster_may_have_any_number_of_workers():
    assert problems_with_workers(100_000, on_cluster=True) == []
    assert problems_with_workers(1024, on_cluster=False) == problems_with_workers(None, on_cluster=False) == []


@pytest.mark.parametrize("call", ["run", "confirm"])
def test_too_many_workers_are_refused_before_anything_is_made(tmp_path, call):
    study = Study(network, Bowl(), storage=tmp_path / "s.journal", sampler=RandomSampler)
    with pytest.raises(StudyError, match=r"`workers` must be at most 1024 on one machine, .* but is 100000"):
        getattr(study, call)(workers=100_000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"replicates": 100_000_000}, "`replicates` must be a whole number from 1 to 1000, but is 100000000"),
        ({"replicates": 1001}, "from 1 to 1000"),
        ({"batch": 4097}, "`batch` must be a whole number from 1 to 4096"),
    ],
)
def test_what_would_hang_is_refused(tmp_path, settings, words):
    study = Study(network, Bowl(), storage=tmp_path / "s.journal")
    with pytest.raises(StudyError, match=words):
        study.run(trials=1, **settings)
    if "replicates" in settings:
        with pytest.raises(StudyError, match=words):
            Study(network, Bowl(), **settings)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--workers", 100_000], "`workers` must be at most 1024 on one machine"),
        (["run", "--replicates", 100_000_000], "--replicates: must be a whole number from 1 to 1000"),
        (["run", "--batch", 100_000], "--batch: must be a whole number from 1 to 4096"),
        (["confirm", "--seeds", 100_000_000], "--seeds: must be a whole number from 1 to 10000"),
        (["confirm", "--workers", 100_000], "`workers` must be at most 1024 on one machine"),
    ],
)
def test_the_command_line_refuses_them_in_one_sentence(write, snnsearch, arguments, words):
    command, *options = arguments
    ended = snnsearch(command, write(), *options)
    assert ended.status == 2 and words in ended.err and len(ended.err.splitlines()) == 1
