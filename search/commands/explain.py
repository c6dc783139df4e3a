"""The command `snnsearch explain`, which prints the equations of a network's plasticity."""

from __future__ import annotations

import argparse
import os
import signal
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.network.spec import NetworkSpec
    from snn.plasticity.rule import Rule

NAME = "explain"
WHEN = {
    "learn": "while learning",
    "first": "in a sample's first step",
    "last": "in a sample's last step",
    "learn_last": "in a sample's last step, while learning",
}
EXAMPLES = """\
examples:
  snnsearch explain my_study.py
      the plasticity of a network of the study, whose parameters are drawn from its search space
  snnsearch explain network.json --latex
      that of a network written by NetworkSpec.to_json(), its mathematics as LaTeX
  snnsearch explain my_study.py --loops
      the loops of a time step of the compiled program: what is done at once, what one by one, and why
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="the equations of a network's plasticity",
        description="Print the plasticity of each projection: the mathematics, the Brian2 equations that run, the "
        "state of a synapse in bytes, and what is kept where, and why.",
        epilog=EXAMPLES,
    )
    parser.add_argument("file", metavar="FILE", help="Python file that defines `study`, or a network's JSON")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--latex", action="store_true", help="print the mathematics alone, as LaTeX")
    what.add_argument("--loops", action="store_true", help="print the loops of the compiled program instead, and why")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from snn.network.rules import place

    spec = _network(Path(os.path.expanduser(arguments.file)))
    if arguments.loops:
        _print_loops(spec)
        return 0
    if not spec.projections:
        print("The network has no projections.")
        return 0
    alike: dict[tuple[str, str], list[str]] = {}  # projections of one rule between neurons of one kind are told once
    for projection in spec.projections:
        equations = projection.rule.equations(place(spec, projection))
        shown = equations.latex() if arguments.latex else str(equations)
        alike.setdefault((_brief(projection.rule), shown), []).append(projection.name)
    mark = "% " if arguments.latex else ""
    print("\n\n".join(f"{mark}{', '.join(names)}: {rule}\n{shown}" for (rule, shown), names in alike.items()))
    return 0


def _print_loops(spec: NetworkSpec) -> None:
    """The loops of a time step, slot by slot."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from snn.backends.guard import follow_parent
    from snn.backends.standalone.build import loops

    follow = partial(follow_parent, signal.SIGKILL, os.getpid())
    with ProcessPoolExecutor(1, get_context("spawn"), follow) as apart:  # a process, since it sets Brian2's device
        found = apart.submit(loops, spec.skeleton().to_json(), "float32").result()
    slot = None
    for one in found:
        if one.slot != slot:
            slot = one.slot
            print(f"{slot}")
        when = "" if one.phase == "step" else f" ({WHEN[one.phase]})"
        what = f": {', '.join(one.writes)}" if one.writes else ""
        print(f"  {one.owner}{what}{when}\n      {one.loop}, since {one.why}")


def _brief(rule: Rule) -> str:
    """A rule with those of its fields that are not as by default."""
    changed = []
    for field in fields(rule):  # type: ignore[arg-type]
        default = field.default if field.default_factory is MISSING else field.default_factory()
        if default is MISSING or getattr(rule, field.name) != default:
            changed.append(f"{field.name}={getattr(rule, field.name)!r}")
    return f"{type(rule).__name__}({', '.join(changed)})"


def _network(path: Path) -> NetworkSpec:
    """The network of a JSON file, or one of a study."""
    from search.errors import StudyError

    if path.suffix == ".py":
        return _of_study(path)
    from snn.network.spec import NetworkSpec

    try:
        return NetworkSpec.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise StudyError(
            f"FILE must be a Python file that defines `study` or a network's JSON, but {str(path)!r} cannot be read: "
            f"{reason}."
        ) from None


def _of_study(path: Path) -> NetworkSpec:
    import optuna

    from search.errors import StudyError
    from search.spec.script import Script, fault
    from search.study import load_study
    from snn.network.builder import freeze
    from snn.system.usercode import call_user

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    script = Script.read(path)
    study = load_study(script)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=study.seed)).ask()
    try:
        return freeze(call_user(study.network, trial))
    except Exception as error:  # a user's code may raise anything
        raise StudyError(
            f"network(trial) of {str(path)!r} must return a network, but: {fault(error, script)}"
        ) from None
