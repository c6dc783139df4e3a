"""The process that runs GeNN, with Brian2's runtime in place of GeNN."""

from __future__ import annotations

import sys

from snn.backends.genn.program import GennProgram
from snn.backends.options import RunOptions

HERE = GennProgram(sys.executable, "float64", "runtime", gpu=False)


def advance(program, candidate, samples, state=None, **options):
    return program.advance([candidate], [samples], [state], RunOptions(**options))[0]
