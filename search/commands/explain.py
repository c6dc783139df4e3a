"""`snnsearch explain`: the equations of a network's plasticity."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.network import NetworkSpec
    from snn.plasticity.rule import Rule

NAME = "explain"
EXAMPLES = """\
examples:
  snnsearch explain my_study.py
      the plasticity of a network of the study, whose parameters are drawn from its search space
  snnsearch explain network.json --latex
      that of a network written by NetworkSpec.to_json(), its mathematics as LaTeX
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
    parser.add_argument("--latex", action="store_true", help="print the mathematics alone, as LaTeX")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from snn.check import place

    spec = _network(Path(arguments.file))
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
    from snn.network import NetworkSpec

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
    from search.script import Script, fault, load_study
    from snn.network import freeze

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    script = Script.read(path)
    study = load_study(script)
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=study.seed)).ask()
    try:
        return freeze(study.network(trial))
    except Exception as error:  # a user's code may raise anything
        raise StudyError(
            f"network(trial) of {str(path)!r} must return a network, but: {fault(error, script)}"
        ) from None
