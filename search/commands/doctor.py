"""The command `snnsearch doctor`, which says which backends work, and how to mend the others."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.backends.health import Health

NAME = "doctor"
DEFAULT = "standalone"
EXAMPLES = """\
examples:
  snnsearch doctor
  snnsearch doctor --json
      one line with what each backend has, what it lacks, and the next step

exit status:
  0 if the default backend, standalone, has compiled and run a tiny network; 1 if it could not

environment:
  SNNSEARCH_GENN_PYTHON  the Python interpreter of the environment with Brian2GeNN (default: the running one)
  GENN_PATH              the folder of GeNN 4.9
  CUDA_PATH              the folder of the CUDA toolkit, for GeNN on a GPU
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        NAME,
        help="which backends work here, and what the others lack",
        description="Try the backends: what is installed, what is missing, and the next step. Takes seconds.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="write one line of JSON to standard output")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from snn.backends.health import WORKS, backends

    found: list[Health] = []
    told: set[str] = set()
    for health in backends():
        found.append(health)
        if not arguments.json:
            _print(health, told)
    if arguments.json:
        facts = {"default": DEFAULT, "backends": {health.backend: _facts(health) for health in found}}
        print(json.dumps(facts | {"files": files()}), file=arguments.out, flush=True)
    else:
        print("files\n" + "\n".join(f"  {name}: {where}" for name, where in files().items()))
    return 0 if any(health.backend == DEFAULT and health.status == WORKS for health in found) else 1


def files() -> dict[str, str]:
    """Return the places of all files on this machine."""
    from snn.backends.standalone.cache.folder import cache_folder

    return {
        "programs": str(cache_folder()),
        "study": "in its storage: by default SCRIPT.journal beside SCRIPT.py",
        "states": "SCRIPT.states beside SCRIPT.py, or beside the journal: states of running trials, and results that "
        "the storage does not have yet, in a folder for each storage and study (`snnsearch show` names it)",
        "images": "SCRIPT.artifacts beside SCRIPT.py, or beside the journal",
    }


def _facts(health: Health) -> dict[str, Any]:
    return {name: value for name, value in asdict(health).items() if name != "backend"}


def _print(health: Health, told: set[str]) -> None:
    """A backend in lines; what an earlier one has said is not said again."""
    print(f"{health.backend}: {health.status}{' (the default backend)' if health.backend == DEFAULT else ''}")
    facts = [f"{name.replace('_', ' ')}: {value or 'none'}" for name, value in health.found.items()]
    lines = [*facts, *(f"note: {note}" for note in health.notes), *(f"-> {text}" for text in health.problems)]
    fresh = [line for line in lines if line not in told] or ["as above"]
    for line in fresh:
        print("  " + line.replace("\n", "\n     "), flush=True)
    told.update(lines)
