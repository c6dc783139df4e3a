"""Every child of a driver ends with it, whatever the child is doing: its work here would take days."""

from __future__ import annotations

SAMPLE = """
from tests.snn.networks import stream
from tests.snn.programs import spec
from snn import LeakyReadout, Network, Regular
from snn.backends.registry import load_program
from snn.backends.program import Candidate
import dataclasses
candidate = Candidate(dataclasses.replace(spec(), inputs=Regular(12)), 0)
one = dataclasses.replace(stream(n=1, steps=1, inputs=12), steps=10**8)
load_program(candidate, {backend!r}).advance([candidate], [one], [None])
"""
BUILD = """
from tests.snn.programs import spec
from snn.backends.standalone.build import compiler_version
"""
WORKER = """
import sys
from search.spec.job import Job
from search.execution.child_process import InProcess
from tests.snn.programs import spec
from tests.snn.long import Long
"""
