"""The Python environment that has Brian2GeNN, and remedies for what it lacks.

`FOUND`, run in that interpreter, prints what it has, as `found` says.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from snn.backends.genn.inventory import ROOT, WAIT
from snn.backends.genn.requirements import PYTHON, installation, problems, unfit
from snn.backends.spawn import guarded, run_text
from snn.errors import BuildError
from snn.system.paths import STARTED_IN, absolute, child_environment

FOUND = "import json; from snn.backends.genn.inventory import found; print(json.dumps(found()))"


def interpreter() -> str:
    """The interpreter with Brian2GeNN: what ``SNNSEARCH_GENN_PYTHON`` names, or the running one if it has brian2genn.

    Raises
    ------
    BuildError
        If there is none.
    """
    chosen = os.environ.get(PYTHON)
    if not chosen:
        if find_spec("brian2genn") is None:
            raise BuildError(
                "Brian2GeNN needs an environment of its own, but none is named: make one and name its interpreter: "
                f"{installation()}"
            )
        return sys.executable
    path = shutil.which(absolute(chosen, STARTED_IN) if os.sep in chosen else chosen)
    if path is None:
        raise BuildError(
            f"{PYTHON} must name a Python interpreter with Brian2GeNN, but {chosen!r} is no program: make one: "
            f"{installation()}"
        )
    return str(Path(path).absolute())  # not resolved: an environment's interpreter is a link to another one's


def variables(python: str) -> dict[str, str]:
    """Environment variables for a process of an interpreter: another one's packages are not for it to import."""
    safe = {"PYTHONSAFEPATH": "1"}  # nor the modules of the working directory
    if python == sys.executable:
        return child_environment(first=str(ROOT)) | safe
    own = ("PYTHONPATH", "PYTHONHOME")
    return {name: value for name, value in child_environment().items() if name not in own} | safe


def examine(python: str) -> dict[str, str | None]:
    """Run `found` in an interpreter and return its answer.

    Raises
    ------
    BuildError
        If it cannot say.
    """
    try:
        done = run_text(guarded(python, FOUND), variables(python), WAIT)
    except OSError as error:
        raise BuildError(f"{python} cannot be started: {error.strerror}; name another in {PYTHON}.") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{python} has not said within {WAIT:g} s what it has.") from error
    if done.returncode:
        raise unfit(python, done.stderr)
    return json.loads(done.stdout)


def check_genn(gpu: bool) -> None:
    """Raise `BuildError`, with all that is missing, if GeNN cannot run on a GPU, or on the CPU."""
    if missing := problems(examine(interpreter()), gpu):
        raise BuildError("\n".join(missing))
