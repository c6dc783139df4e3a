"""The best network as a Python script that runs it again to the stored numbers."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from search.spec.objectives import OBJECTIVES
from search.spec.spec import replay_jobs
from search.storage.record import Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from search.spec.spec import Plan


def python_script(plan: Plan, trial: FrozenTrial) -> tuple[str, str]:
    """A script that rebuilds the network of a trial, runs it and prints its objectives.

    The study's own source with the trial's parameters, where that source rebuilds exactly the stored network and holds
    no password of the storage; otherwise (a notebook, a script that has changed) the network's JSON.

    Parameters
    ----------
    plan : Plan
        The study.
    trial : FrozenTrial
        One with a stored network.

    Returns
    -------
    script : str
    words : str
        What it is.
    """
    if _source_rebuilds(plan, trial):
        words = "The study's script with the parameters of the trial. Save it beside the script and run it with Python."
        return _from_source(plan, trial), words
    words = "The stored network and task: the study's script is not at hand as it was, or is no file of its own."
    return _from_json(plan, trial), words


def _source_rebuilds(plan: Plan, trial: FrozenTrial) -> bool:
    from optuna.trial import FixedTrial

    from snn.network.builder import freeze

    script, stored = plan.script, Record(trial)
    if script.file is None or script.hash != stored.origin.get("script"):
        return False
    if plan.location.hide(script.source) != script.source:
        return False
    try:
        rebuilt = freeze(plan.network(FixedTrial(trial.params, number=trial.number))).to_json()  # type: ignore[arg-type]
    except Exception:  # a user's function may fail in any way, and then this is not the way to show the network
        return False
    return rebuilt == stored.network


def _from_source(plan: Plan, trial: FrozenTrial) -> str:
    origin = Record(trial).origin
    same_task = origin["task"] == plan.task.to_json()
    imports = ["from optuna.trial import FixedTrial", "from search.spec.objectives import make_objective"]
    task = "study.task" if same_task else f"Task.from_json({origin['task']!r})"
    lines = [  # of a function, since the script may have the same names
        *imports,
        *([] if same_task else ["from tasks import Task"]),
        "",
        "parameters = {",
        *(f"    {name!r}: {value!r}," for name, value in trial.params.items()),
        "}",
        f"network = study.network(FixedTrial(parameters, number={trial.number}))",
        f"task = {task}",
        *_run(plan, trial),
        "for objective in map(make_objective, study.objectives):",
        '    print(objective.name, "=", sum(map(objective.value, results)) / len(results))',
    ]
    body = "\n".join(f"    {line}" if line else "" for line in lines)
    call = 'if __name__ == "__main__":\n    run_best_again()\n'
    return f"{without_main(plan.script.source)}\n\n\ndef run_best_again():\n{body}\n\n\n{call}"


def _from_json(plan: Plan, trial: FrozenTrial) -> str:
    stored = Record(trial)
    assert stored.network is not None
    names = [objective.name for objective in plan.objectives if objective.name in OBJECTIVES]
    lines = [
        *_imports(plan, stored),
        "from snn import NetworkSpec",
        "from tasks import Task",
        "",
        f"network = NetworkSpec.from_json({_literal(stored.network)})",
        f"task = Task.from_json({_literal(stored.origin['task'])})",
        *_run(plan, trial),
        *(f'print("{name} =", sum(result.{name} for result in results) / len(results))' for name in names),
    ]
    return "\n".join(lines) + "\n"


def _run(plan: Plan, trial: FrozenTrial) -> list[str]:
    """The lines that run `network` on `task` as the trial did."""
    origin, seeds = Record(trial).origin, Record(trial).seeds
    more = ", settling=True" if replay_jobs(plan, trial)[0].settling else ""
    call = f"task.run(network, seed=seed, backend={origin['backend']!r}, dtype={origin['dtype']!r}{more})"
    known = origin.get("data")  # earlier versions have not stored it
    words = f"The data have changed since trial {trial.number} ran."
    compare = [f"if task.data_hash != {known!r}:", f"    print({words!r})"]
    return [
        *(compare if known else []),
        f"# as trial {trial.number} ran{': its values are means over its seeds' if len(seeds) > 1 else ''}",
        f"results = [{call} for seed in {seeds!r}]",
        "print(results[0].summary())",
    ]


def without_main(source: str) -> str:
    """A script's source without its `if __name__ == "__main__":` blocks, which would begin another search."""
    lines = source.split("\n")  # as `ast` counts them: `splitlines` also ends one at a form feed
    for node in reversed(ast.parse(source).body):
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).rstrip()


def _literal(text: str) -> str:
    """JSON as a Python literal that can be read."""
    pretty = json.dumps(json.loads(text), indent=1)
    return repr(text) if "'''" in pretty or pretty.endswith("\\") else f"r'''{pretty}'''"


def _imports(plan: Plan, stored: Record) -> list[str]:
    """Return the modules to import before the JSON can be read, because they define classes of the user."""
    from search.spec.script import module_name
    from snn.network.spec import NetworkSpec

    assert stored.network is not None
    described = (NetworkSpec.from_json(stored.network), plan.task)
    homes = {type(item).__module__ for item in _parts(described)}
    foreign = sorted(home for home in homes if home.partition(".")[0] not in ("snn", "tasks", "brian2", "numpy"))
    file = plan.script.file
    own = file is not None and module_name(file.resolve()) in foreign
    modules = [home for home in foreign if not home.startswith(("snnsearch_study_", "__main__"))]
    lines = [f"import {home}  # noqa: F401" for home in modules]
    if own:
        lines += ["from search.spec.script import Script, load_module"]
        lines += [f"load_module(Script.read({str(file)!r}))  # defines classes of its own"]
    return lines


def _parts(item: Any) -> Iterator[Any]:
    """Every dataclass instance in a description."""
    if dataclasses.is_dataclass(item):
        yield item
        for field in dataclasses.fields(item):
            yield from _parts(getattr(item, field.name))
    elif isinstance(item, Mapping):
        for value in item.values():
            yield from _parts(value)
    elif isinstance(item, tuple | list):
        for value in item:
            yield from _parts(value)
