"""Two searches of one script in two storages, both killed at random moments: each keeps exactly its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest
from optuna.trial import FixedTrial

from search.spec.seeds import trial_seed
from search.storage.location import Location
from search.storage.opening import open_storage
from tests.support import postgres
from tests.support.synthetic import Bowl, network
from tests.support.waiting import wait_for

SCRIPT = """\
from search import Study
from search.samplers.byindex import ByIndex
from tests.support.synthetic import Bowl, network

study = Study(network, Bowl(sleep=0.3, log={log!r}), ["accuracy", "spikes"], sampler=ByIndex(0), pruner=None)
"""
ENDLESS = 100_000
PAIRS = {
    "journals": ("lr0.1", "lr0.2"),
    "databases": ("sqlite:///a.db", "sqlite:///b.db"),
    "path and url": ("a.db.journal", "sqlite:///a.db"),
    "servers": ("SERVER/first", "SERVER/second"),
    "journal and server": ("first", "SERVER/first"),
    "database and server": ("sqlite:///first", "SERVER/first"),
}


@dataclass
class Search:
    """One of the two: where it lies, what it began with, and the finished trials that were seen."""

    storage: str
    seed: int
    folder: Path
    seen: dict[int, tuple] = field(default_factory=dict)

    @property
    def location(self) -> Location:
        return Location.of(self.storage, self.folder / "s")

    def command(self, trials: int) -> list[object]:
        return ["run", "s.py", "--storage", self.storage, "--seed", self.seed, "--workers", 2, "--trials", trials]

    def runs(self) -> int:
        """How many pieces of its trials have begun: the log has their seeds."""
        seeds = {str(trial_seed(self.seed, number)) for number in range(500)}
        log = self.folder / "log"
        return sum(line.split()[0] in seeds for line in log.read_text().splitlines()) if log.exists() else 0

    def trials(self) -> list[optuna.trial.FrozenTrial]:
        storage = open_storage(self.location, create=False)
        trials = optuna.load_study(study_name="s", storage=storage).get_trials()
        storage.remove_session()
        return trials

    def look(self) -> None:
        """Finished trials stay as they were first seen."""
        now = {t.number: (t.params, t.values, t.user_attrs["seed"]) for t in self.trials() if t.state.is_finished()}
        assert {number: now.get(number) for number in self.seen} == self.seen
        self.seen = now


def expected(params: dict[str, float], seed: int) -> list[float]:
    """The values of a trial, worked out without any search."""
    result = Bowl().run(network(FixedTrial(params)), seed=seed)
    return [result.accuracy, result.counts["spikes"] / len(result.stream)]


def torment(searches: list[Search], start: Callable, rounds: int, moments: random.Random) -> None:
    for _ in range(rounds):
        before = [search.runs() for search in searches]
        processes = [start(*search.command(ENDLESS)) for search in searches]
        wait_for(lambda before=before: all(s.runs() > n for s, n in zip(searches, before, strict=True)), 300)
        for process in moments.sample(processes, 2):
            time.sleep(moments.uniform(0, 1))
            assert process.poll() is None, process.communicate()[1]
            process.kill()
            process.wait()
        for search in searches:
            search.look()


@pytest.fixture
def searches(request, folder, write) -> list[Search]:
    texts = PAIRS[request.param]
    if any("SERVER" in text for text in texts):
        server = request.getfixturevalue("server")
        for name in ("first", "second"):
            server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "postgres")
            server.sql(f"CREATE DATABASE {name}", "postgres")
        texts = [text.replace("SERVER", server.url.removesuffix(f"/{postgres.DATABASE}")) for text in texts]
    write(SCRIPT.format(log=str(folder / "log")), name="s.py")
    return [Search(text, seed, folder) for seed, text in enumerate(texts, start=1)]


ROUNDS = [
    pytest.param("journals", 2, marks=pytest.mark.slow, id="journals, 2 rounds"),
    pytest.param("database and server", 1, marks=pytest.mark.slow, id="database and server, 1 round"),
    *(pytest.param(name, 20, marks=pytest.mark.nightly, id=f"{name}, 20 rounds") for name in PAIRS),
]


@pytest.mark.parametrize(("searches", "rounds"), ROUNDS, indirect=["searches"])
def test_two_searches_that_are_killed_again_and_again_keep_exactly_their_own(searches, rounds, start, snnsearch):
    torment(searches, start, rounds, random.Random(rounds))
    for search in searches:
        total = len(search.trials())
        done = snnsearch(*search.command(total))
        assert done.status == 0 and "left alone" not in done.err, done.err
        search.look()
        trials = search.trials()
        assert {trial.state.name for trial in trials} == {"COMPLETE"} and len(trials) == total
        assert [trial.user_attrs["seed"] for trial in trials] == [trial_seed(search.seed, n) for n in range(total)]
        for trial in trials:
            assert trial.values == pytest.approx(expected(trial.params, trial.user_attrs["seed"]), rel=1e-12)
        assert not search.location.folder("s").exists()
    first, second = (search.trials() for search in searches)
    assert [t.params for t in first[: len(second)]] == [t.params for t in second[: len(first)]]  # only seeds differ
    assert not list(searches[0].folder.glob("*.states"))
