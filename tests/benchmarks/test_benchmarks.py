"""Each benchmark once, short: that it works, what its JSON holds, and which side is faster. Never a time."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.benchmarks import compare
from tests.benchmarks.digits_study import CHECKOUT
from tests.benchmarks.faults import no_dask
from tests.benchmarks.population import crossover
from tests.search import postgres

SIDES = {"a": lambda: 1.0, "bb": lambda: 4.0}


def short(benchmark: str, *arguments: str, rounds: int = 1) -> dict:
    """What a benchmark's one line of JSON says."""
    command = [sys.executable, "-m", f"tests.benchmarks.{benchmark}", "--json", "--short", f"--rounds={rounds}"]
    done = subprocess.run([*command, *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def test_sides_take_turns_after_each_has_warmed_up():
    calls = []

    def side(name):
        def run():
            calls.append(name)
            return float(len(calls))

        return run

    measured = compare.compare({"a": side("a"), "b": side("b")}, rounds=2)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert measured == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_one_line_of_json_holds_medians_and_ranges(capsys):
    compare.report("title", "seconds", {"a": [3.0, 1.0, 2.5], "b": [5.0]}, True, rates_hz={"a": 20.0})
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "seconds": {"a": 2.5, "b": 5.0},
        "ranges": {"a": [1.0, 3.0], "b": [5.0, 5.0]},
        "rates_hz": {"a": 20.0},
    }


def test_a_table_holds_the_ratio_to_the_first_side(capsys):
    compare.report("title", "seconds", compare.compare(SIDES, rounds=3), False)
    assert capsys.readouterr().out.splitlines()[2].split() == ["bb", "4", "(4", "to", "4)", "4.00"]


def test_a_peer_that_is_missing_is_said_to_be_left_out(capsys):
    assert compare.installed("json", "bench")
    assert not compare.installed("a_peer_that_nobody_has", "bench")
    said = capsys.readouterr()
    assert not said.out
    assert "a_peer_that_nobody_has" in said.err and "[bench]" in said.err


def test_no_rounds_are_refused():
    with pytest.raises(SystemExit):
        compare.arguments("about", rounds=3).parse_args(["--rounds", "0"])


@pytest.mark.slow
def test_trial_cost():
    found = short("trial_cost")
    cost = found["cpu_seconds_per_trial"]
    assert list(cost) == list(found["ranges"]) == ["snnsearch", "brian2_warm", "brian2_rebuilt"]
    assert cost["snnsearch"] < cost["brian2_warm"] < cost["brian2_rebuilt"]


@pytest.mark.nightly
def test_the_sides_of_trial_cost_compute_the_same_losses():
    from tests.benchmarks import trial, trial_brian2, trial_cost

    stream, first = trial.stream(30), trial.draw(1)
    ours = trial_cost.losses(first, stream, "float64")
    np.testing.assert_allclose(ours, trial_brian2.rebuilt(1, 30)[1], rtol=1e-9)
    assert np.ptp(ours) > 0.1  # it learns: the losses differ


@pytest.mark.slow
def test_stdp_network():
    found = short("stdp_network", rounds=3)
    seconds, rates = found["seconds_per_biological_second"], found["rates_hz"]
    assert list(seconds) in (["snnsearch", "brian2", "nest"], ["snnsearch", "brian2"])
    assert min(seconds, key=seconds.get) == "snnsearch"
    assert max(rates.values()) < 1.15 * min(rates.values())
    assert min(rates.values()) > 5


@pytest.mark.slow
def test_workers():
    seconds = short("workers", rounds=3)["seconds"]
    assert seconds["two_workers"] < seconds["one_worker"]


@pytest.mark.slow
def test_driver_cost():
    found = short("driver_cost")
    assert found["driver_ms_per_trial"] > 0
    assert found["build_cpu_seconds"] > found["driver_ms_per_trial"] / 1e3


@pytest.mark.slow
def test_faults():
    left_out = [reason for reason in (postgres.missing(), no_dask()) if reason]
    counts = {"driver_kills": 3, "binary_kills": 3}
    counts |= {"worker_kills": int(no_dask() is None), "server_restarts": int(postgres.missing() is None)}
    words = [f"--{name.replace('_', '-')}={count}" for name, count in counts.items()]
    command = [sys.executable, "-m", "tests.benchmarks.faults", "--json", *words]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    none = ("finished_lost", "stuck", "duplicates", "different", "not_replayed")
    assert {name: found[name] for name in (*counts, *none)} == counts | dict.fromkeys(none, 0)
    assert found["trials"] >= 12
    if left_out:
        pytest.skip(f"passed, as far as it could: {'; '.join(left_out)}")


@pytest.mark.slow
def test_history():
    found = short("history")
    assert found["trials"] == 300 and list(found["seconds"]) == ["resume", "show"]


OPTUNA = """
import sys, brian2, optuna, sklearn.ensemble
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
storage = JournalStorage(JournalFileBackend(sys.argv[1]))
optuna.load_study(study_name=None, storage=storage).get_trials(deepcopy=False)
"""


@pytest.mark.slow
def test_a_study_of_ten_thousand_trials_costs_little_more_than_optuna_reading_it(tmp_path):
    """In CPU seconds, beside Optuna with the same imports on the same machine.

    When this was measured, a resume took 1.4 times as long, and a show 0.9 times. Twice that is granted, for others may
    be busy here.
    """
    from tests.benchmarks import history

    path = tmp_path / "digits.journal"
    history.write_history(path, history.TRIALS)
    sides = history.sides(path, history.TRIALS, compare.cpu_seconds)
    sides["optuna"] = lambda: reading(path)
    seconds = compare.medians(compare.compare(sides, rounds=1))
    assert seconds["resume"] < 2.8 * seconds["optuna"] and seconds["show"] < 1.8 * seconds["optuna"]


def reading(journal) -> float:
    """CPU seconds that Optuna takes to read a journal, imports included."""
    began = compare.cpu_seconds()
    subprocess.run([sys.executable, "-c", OPTUNA, str(journal)], capture_output=True, check=True)
    return compare.cpu_seconds() - began


@pytest.mark.slow
def test_eprop():
    assert short("eprop")["seconds_per_iteration"]["regression_float32"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.nightly)])
def test_eprop_step(dtype):
    taken = short("eprop_step", f"--dtype={dtype}", rounds=3)["ns_per_synapse_step"]
    assert list(taken)[:3] == ["snnsearch", "limit", "brian2"]
    assert taken["limit"] < 1.5 * taken["snnsearch"]  # no side does less work than it should
    assert taken["snnsearch"] < taken["brian2"]


@pytest.mark.slow
def test_the_sides_of_eprop_step_compute_the_same_weights(tmp_path):
    from tests.benchmarks import eprop_step, step

    problem = step.problem(20, "float64", 3)
    first = [w.ravel() for w in (problem.w_in, problem.w_rec, problem.w_out)]
    changes = {}
    for name, side in eprop_step.sides(20, "float64", 3, tmp_path).items():
        side.seconds(3)
        changes[name] = [after - before for before, after in zip(first, side.weights(), strict=True)]
    expected = changes.pop("limit")
    assert all(np.abs(change).max() > 1e-6 for change in expected)
    for name, found in changes.items():
        # Stock Brian2 delivers the last spikes of a sample before it changes the weights: a difference of order lr.
        tolerance = 10 * step.LR if name == "brian2" else 1e-9
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max(), err_msg=name)


def test_the_surfaces_are_conditional_and_at_most_one():
    from optuna.trial import FixedTrial

    from tests.benchmarks.search_quality import SURFACES
    from tests.benchmarks.space import draw

    assert len(SURFACES) >= 3
    for surface in SURFACES:
        random = np.random.default_rng(0)
        drawn = [surface.suggest(FixedTrial({p.name: draw(p, random) for p in surface.parameters})) for _ in range(500)]
        assert len({frozenset(values) for values in drawn}) > 1
        scores = [surface.score(values) for values in drawn]
        assert 0 < min(scores) < 0.1 < max(scores) < 1
        seconds = np.array([surface.seconds(values) for values in drawn])
        assert seconds.max() > 2 * seconds.min()


def test_a_refit_takes_effect_when_its_cpu_time_has_passed():
    from types import SimpleNamespace

    from tests.benchmarks.virtual import Clock, Refits

    clock = Clock(10.0)
    refits = Refits(clock)
    future = refits.submit(lambda: SimpleNamespace(seconds=2.0))
    for clock.now, done in ((10.0, False), (11.9, False), (12.0, True)):
        refits.settle()
        assert future.done() is done


def test_what_is_kept_of_a_search_is_not_run_again(tmp_path):
    from tests.benchmarks.search_quality import gather, summary

    runs = [("random", surface, seed) for surface in ("rules", "layers", "times") for seed in (0, 1)]
    first = gather(runs, 4, 16, tmp_path / "kept.jsonl")
    kept = (tmp_path / "kept.jsonl").read_text()
    assert gather(runs, 4, 16, tmp_path / "kept.jsonl") == first  # CPU times included
    assert (tmp_path / "kept.jsonl").read_text() == kept
    found = summary(first | {("ours", *run[1:]): result for run, result in first.items()}, ["ours", "random"], [0, 1])
    assert found["ours_minus"]["random"] == [0.0, 0.0]
    assert found["best"]["random"][0] == pytest.approx(np.mean([one["best"] for one in first.values()]), abs=1e-4)


@pytest.mark.slow
def test_search_quality():
    command = [sys.executable, "-m", "tests.benchmarks.search_quality", "--json", "--short", "--workers=9"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found["best"]) == ["ours", "tpe", "random"]
    assert list(found["by_surface"]) == ["rules", "layers", "times"]
    assert found["best"]["ours"][0] > found["best"]["random"][0]


@pytest.mark.slow
def test_scale():
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--json", "--workers=20", "--trials=160"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    cost = found["driver_cpu_ms_per_trial"]["100"]
    assert list(found["driver_cpu_ms_per_trial"]) == ["100"] and cost > 0
    # 20 workers and trials of a minute leave the driver 3 s a trial: it keeps them all but busy
    assert 0.97 < found["utilisation"] <= 1
    assert 160 / 20 * 30 < found["virtual_seconds"] < 160 / 20 * 90 + 90
    assert found["fits_cpu_seconds"] > 0


@pytest.mark.slow
def test_deephyper_is_given_configurations_of_its_own_distribution():
    pytest.importorskip("deephyper", reason="needs the extra bench")
    from scipy.stats import ks_2samp

    from tests.benchmarks.deephyper_side import DeepHyperSide
    from tests.benchmarks.search_quality import SURFACES

    for surface in SURFACES:
        space = DeepHyperSide(surface, 0)._search._opt.space
        ours = space.rvs(n_samples=4000, random_state=np.random.RandomState(0))
        theirs = type(space).rvs(space, n_samples=4000, random_state=np.random.RandomState(1))
        for column, name in enumerate(space.dimension_names):
            a, b = ([row[column] for row in rows] for rows in (ours, theirs))
            ordered = sorted({*a, *b}, key=lambda value: (str(type(value)), value))
            levels = {value: index for index, value in enumerate(ordered)}
            # about forty comparisons: a chance of one in a hundred that any is below this
            assert ks_2samp([levels[v] for v in a], [levels[v] for v in b]).pvalue > 2.5e-4, (surface.name, name)


def test_the_crossover_lies_between_the_sizes_measured():
    def populations(**milliseconds):
        return {size.removeprefix("n"): {"ms_per_1000_steps": ms} for size, ms in milliseconds.items()}

    assert crossover(populations(n1=16.0, n16=16.0), alone=8.0) == pytest.approx(2.0)
    assert crossover(populations(n1=4.0, n16=5.0), alone=8.0) == 1
    assert crossover(populations(n1=16.0, n4=64.0), alone=8.0) is None


@pytest.mark.genn
@pytest.mark.slow
def test_a_population_on_genn_beside_a_core(on_genn):
    command = [sys.executable, "-m", "tests.benchmarks.population", "--json", "--rounds=1", "--backend", on_genn]
    done = subprocess.run(
        [*command, "--digits=2", "--sizes", "1", "2"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert set(measured["populations"]) == {"1", "2"} and measured["standalone"]["ms_per_1000_steps"] > 0
    assert all(found["ns_per_synapse_step"] > 0 for found in measured["populations"].values())
    assert ("copy" in measured) == (on_genn == "genn")
