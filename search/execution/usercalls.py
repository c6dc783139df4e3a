"""Calls of a user's functions in the driver's process, with a count of those that have ended the process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.spec.objectives import OBJECTIVES, Objective
from search.storage.checkpoints import make_folder
from search.storage.identity import CALL_NOTES
from snn.system.usercode import call_user

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.trial import FrozenTrial

    from search.spec.spec import Plan

NOTE, ENDED = CALL_NOTES
MOST = 2  # times that a trial's functions may end the driver


@dataclass(frozen=True)
class Call:
    """A call of a user's function.

    Parameters
    ----------
    trial : int
        The number of the trial that it belongs to.
    began : str
        When that trial began: it tells the trials of two studies apart.
    script : str
        Hash of the script. A function that was changed gets a new chance.
    upto : float
        The part of the stream that the trial had behind it.
    what : str
        The function, as messages name it.
    times : int
        How often the process has ended in this call, or in another one of the trial between the same two rungs.
    """

    trial: int
    began: str
    script: str
    upto: float
    what: str
    times: int = 1


class UserCalls:
    """Calls a user's functions, and notes in a file which of them runs.

    The file is empty between two calls. If a driver finds a note in it, the process before it has ended in that call.
    Notes survive the end of the process, not that of the machine: they need not wait for the disk.

    Parameters
    ----------
    folder : Path
        `Location.folder(study)`; made when it is needed.
    script : str
        Hash of the script.
    say : callable
        Told what the user should know.
    """

    def __init__(self, folder: Path, script: str, say: Callable[[str], None]):
        self._folder = folder
        self._script = script
        self._say = say
        self._descriptor: int | None = None
        self._notes = True  # whether they can be written
        self._present: Call | None = None  # without the function's name
        self._ended: dict[int, Call] = {}  # calls that have ended a driver, by their trial

    def begin(self, trials: Iterable[FrozenTrial]) -> None:
        """Read what earlier drivers have left; only what concerns trials that still run is of use."""
        running = {trial.number: _began(trial) for trial in trials if trial.state.name == "RUNNING"}
        calls = [call for call in _read(self._folder / ENDED) if self._concerns(call, running)]
        self._ended = {call.trial: call for call in calls}
        for call in _read(self._folder / NOTE):
            if self._concerns(call, running):
                known = self._ended.get(call.trial)
                times = known.times + 1 if known is not None and known.upto == call.upto else 1
                self._ended[call.trial] = replace(call, times=times)
                if times < MOST:
                    self._say(f"the driver ended while {call.what} of trial {call.trial} ran; it is tried once more")
        self._write()
        _remove(self._folder / NOTE)

    def refuse(self, number: int) -> str | None:
        """Why a trial is not to be taken up again; None if it is."""
        call = self._ended.get(number)
        if call is None or call.times < MOST:
            return None
        return (
            f"The driver ended twice while {call.what} of trial {number} ran. A function of a study must not end the "
            "process: look for os._exit, a crash in compiled code, or a need for more memory than there is."
        )

    def forget(self, number: int) -> None:
        """The trial has ended."""
        if self._ended.pop(number, None) is not None:
            self._write()

    def of(self, trial: Trial | FrozenTrial, upto: float) -> None:
        """Say whose functions are called from now on, and which part of the stream that trial has behind it."""
        self._present = Call(trial.number, _began(trial), self._script, upto, "")

    def call(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the present trial's; see `snn.system.usercode.call_user`."""
        if self._present is not None:
            self._note(json.dumps([asdict(replace(self._present, what=what))]).encode())
        try:
            return call_user(function, *arguments)
        finally:
            self._note(b"")

    def guard(self, plan: Plan) -> Plan:
        """The plan with objectives and constraints whose functions are called through `call`."""
        return replace(
            plan,
            objectives=tuple(map(self._guarded, plan.objectives)),
            constraints=tuple(replace(one, objective=self._guarded(one.objective)) for one in plan.constraints),
        )

    def close(self) -> None:
        """Leave no file that the next driver does not need."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        _remove(self._folder / NOTE)
        _remove((self._folder / ENDED).with_suffix(".part"))

    def _guarded(self, objective: Objective) -> Objective:
        if OBJECTIVES.get(objective.name) is objective:  # ours
            return objective
        measure = objective.measure
        return replace(objective, measure=lambda result: self.call(f"`{objective.name}`", measure, result))

    def _concerns(self, call: Call, running: dict[int, str]) -> bool:
        return running.get(call.trial) == call.began and call.script == self._script

    def _note(self, text: bytes) -> None:
        if not self._notes:
            return
        try:
            if self._descriptor is None:
                make_folder(self._folder)
                self._descriptor = os.open(self._folder / NOTE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
            os.ftruncate(self._descriptor, 0)
            if text:
                os.pwrite(self._descriptor, text, 0)
        except OSError as error:
            self._notes = False
            self._say(f"Which function of the script runs cannot be noted in {self._folder}: {error}")

    def _write(self) -> None:
        path = self._folder / ENDED
        if not self._ended:
            return _remove(path)
        part = path.with_suffix(".part")
        try:
            part.write_text(json.dumps([asdict(call) for call in self._ended.values()]), encoding="utf-8")
            part.replace(path)
        except OSError as error:
            self._say(f"Which functions of the script have ended the driver cannot be kept in {path}: {error}")


def _remove(path: Path) -> None:
    with suppress(OSError):  # it is not there, or cannot be written: then it could not be made either
        path.unlink()


def _began(trial: Trial | FrozenTrial) -> str:
    return str(trial.datetime_start)


def _read(path: Path) -> list[Call]:
    """The calls in a file; none if it is missing or does not hold any."""
    with suppress(OSError, ValueError, TypeError, RecursionError):
        calls = [Call(**one) for one in json.loads(path.read_bytes())]
        if all(isinstance(call.trial, int) and isinstance(call.times, int) for call in calls):
            return calls
    return []
