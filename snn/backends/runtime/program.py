"""Brian2 in this process: the slow backend that everything else is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from snn.backends.batch import Population, advance_together
from snn.backends.brian.preferences import own_preferences
from snn.backends.options import PLAIN, RunOptions
from snn.backends.program import DTYPES, Candidate, Outcome, Program, Samples
from snn.backends.runtime.run import Run
from snn.backends.state import State
from snn.profile import stage


class RuntimeProgram(Program):
    """Runs a network as Brian2 does by default, with code for NumPy or Cython."""

    def __init__(self, target: str, dtype: str):
        self.target = target
        self.dtype = DTYPES[dtype]

    def advance(
        self,
        candidates: Sequence[Candidate],
        samples: Sequence[Samples],
        states: Sequence[State | None],
        options: RunOptions = PLAIN,
    ) -> list[Outcome]:
        """See `Program.advance`. Candidates that fit are in one simulation (`snn.backends.batch`).

        Not thread-safe: Brian2's preferences belong to the process.
        """
        with stage(options.profile, "run"):
            return advance_together(candidates, samples, states, options, self.simulate)

    def simulate(
        self, candidate: Candidate | Population, samples: Samples, state: State | None, options: RunOptions
    ) -> Outcome:
        """One simulation, of one candidate or of a population."""
        with own_preferences(target=self.target):
            return Run(candidate.plan, samples, state, self.dtype, options).outcome()
