"""Programs that run in a worker in GeNN's environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from snn.backends.batch import together
from snn.backends.genn.environment import interpreter, variables
from snn.backends.genn.exchange import EngineOptions, Request, read_outcomes
from snn.backends.genn.fitting.capability import check
from snn.backends.genn.requirements import unfit
from snn.backends.options import PLAIN, RunOptions
from snn.backends.process import run_process
from snn.backends.program import Candidate, Outcome, Program, Samples
from snn.backends.recording import resolve
from snn.backends.scratch import scratch
from snn.backends.spawn import guarded
from snn.backends.state import State
from snn.errors import Cancelled, Killed, RunError, RunTimeout
from snn.lowering.plan.plan import Plan
from snn.profile import stage

WORKER = "import sys; from snn.backends.genn.worker import main; main(sys.argv[1])"


@dataclass(frozen=True)
class GennProgram(Program):
    """Runs networks in a process of another interpreter, which is started for each call and ends with it.

    Parameters
    ----------
    python : str
        The interpreter.
    dtype : {"float32", "float64"}
        Precision.
    engine : str
        Who runs them there, one of `snn.backends.genn.worker.ENGINES`.
    gpu : bool
        Whether on a GPU; else GeNN's code for the CPU.
    """

    python: str
    dtype: str
    engine: str = "genn"
    gpu: bool = True

    @staticmethod
    def load(backend: str, dtype: str) -> GennProgram:
        """The program of ``"genn"`` or ``"genn:cpu"``.

        Raises
        ------
        BuildError
            If no interpreter is known that has Brian2GeNN.
        """
        return GennProgram(interpreter(), dtype, gpu=backend != "genn:cpu")

    def advance(
        self,
        candidates: Sequence[Candidate],
        samples: Sequence[Samples],
        states: Sequence[State | None],
        options: RunOptions = PLAIN,
    ) -> list[Outcome]:
        """See `Program.advance`. Candidates that fit are in one simulation (`snn.backends.batch`).

        Thread-safe: each call is a process. All candidates share it, and the time given.
        """
        profile = options.profile
        for places in together(candidates, samples, states):  # what is wrong is said before anything is started
            plans = [candidates[k].plan for k in places]
            resolve(plans[0], options.record)
            if self.engine == "genn":
                check(*plans)
        with stage(profile, "write"), scratch() as folder:
            chosen = EngineOptions(
                options.record, state=options.state, memory=options.memory, gpu=self.gpu, folder=folder
            )
            Request(self.engine, self.dtype, candidates, samples, states, chosen).write()
            with stage(profile, "run"):
                self._work(folder, options)
            with stage(profile, "read"):
                outcomes = read_outcomes(folder)
        for outcome, candidate, piece, state in zip(outcomes, candidates, samples, states, strict=True):
            _check(outcome, candidate.plan, piece, state)
        return outcomes

    def _work(self, folder: Path, options: RunOptions) -> None:
        temporary = {"TMPDIR": str(folder)}  # what Brian2 and GeNN leave goes with it
        try:
            run_process(guarded(self.python, WORKER, str(folder)), options, variables(self.python) | temporary)
        except (Cancelled, Killed, RunTimeout):
            raise
        except RunError as error:
            if "No module named" in str(error):
                raise unfit(self.python, str(error)) from None
            raise


def _check(outcome: Outcome, planned: Plan, samples: Samples, state: State | None) -> None:
    """A result counts if it is of all samples."""
    last = (state.step if state else 0) + samples.period * int(np.count_nonzero(~samples.preview))
    names = [name for names in planned.outputs.values() for name in names]
    rows = {name: len(outcome.outputs.get(name, ())) for name in names}
    if outcome.state.step != last or any(count != len(samples) for count in rows.values()):
        raise RunError("The run ended before its last sample.")
