"""The repair of a damaged journal: the operations that can be read, and a list of what is lost."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from optuna.storages.journal._storage import JournalOperation as Operation
from optuna.storages.journal._storage import JournalStorageReplayResult
from optuna.trial import FrozenTrial, TrialState

from search.errors import StudyError
from search.storage.attributes import REASON, REPAIRED
from search.storage.journal.lines import ID, Damage, Ids, LineChecker, unseal, whole_but_its_end

WRITER = "snnsearch-repair"  # worker of the operations that a repair adds

_START = re.compile(rb'\{"op_code":')
_TRIAL = re.compile(rb'"trial_id":(\d+)[,}]')
_STUDY = re.compile(rb'\{"op_code":0,.*"study_name":"([^"\\]*)","directions":\[([12](?:,[12])*)\]')
_WHEN = re.compile(rb'"datetime_(?:start|complete)":"([0-9T:.+-]{19,40})"')
_CREATION = re.compile(rb'\{"op_code":4,.*"study_id":(\d+),"datetime_start":')


@dataclass(frozen=True)
class Loss:
    """A place where a journal is damaged.

    Parameters
    ----------
    line : int
        The line, from 1.
    what : str
        What is wrong with it; completes the sentence `line 17 ...`.
    trials : tuple of (str, int)
        Study and number of the trials that have lost something there.
    sure : bool
        Whether they have lost it; if not, one of them may have, or none.
    """

    line: int
    what: str
    trials: tuple[tuple[str, int], ...] = ()
    sure: bool = False


@dataclass(frozen=True)
class Repaired:
    """The readable part of a journal.

    Parameters
    ----------
    lines : int
        Lines of the damaged journal.
    kept : int
        How many of them are kept.
    losses : tuple of Loss
    recreated : tuple of (str, int)
        Study and number of the trials whose creation was lost.
    text : bytes
        The new journal.
    """

    lines: int
    kept: int
    losses: tuple[Loss, ...]
    recreated: tuple[tuple[str, int], ...]
    text: bytes

    @property
    def whole(self) -> bool:
        """Whether nothing is lost, a last line aside that its writer did not live to end."""
        return not self.losses and not self.recreated


class StudyLost(StudyError):
    """The line that creates a study is lost."""


def repair(data: bytes, study: tuple[str, list[int]] | None = None) -> Repaired:
    """Read all that can be read of a journal.

    A lost line costs its trial what it said. Where the creation of a trial is lost, the trial is created anew, so that
    all trials keep their numbers; one of which nothing else is known is told as failed.

    Parameters
    ----------
    data : bytes
        The journal.
    study : (str, list of int), optional
        Name and directions of a study (as Optuna numbers them) whose creation may be lost.

    Raises
    ------
    StudyLost
        If the creation of a study is lost, and `study` is not given or is another one.
    """
    lines = data.split(b"\n")
    if not whole_but_its_end(lines[-1]):
        lines.pop()  # empty, or not written to its end: nobody has counted on it
    when = _WHEN.search(data)
    creations: Counter[int] = Counter()
    while True:
        work = _Repair(study, creations, when[1].decode() if when else "1970-01-01T00:00:00+00:00")
        try:
            for number, line in enumerate(lines, start=1):
                work.read(number, line)
            return work.done(len(lines))
        except _WasCreation as found:
            creations[found.line] += found.trials


class _WasCreation(Exception):
    """A later line shows that a damaged line, or lines lost before it, have created so many trials."""

    def __init__(self, line: int, trials: int):
        self.line = line
        self.trials = trials


class _Repair:
    """A repair under way.

    Parameters
    ----------
    study : (str, list of int) or None
        As in `repair`.
    creations : counter of int
        Line -> how many trials were created there, or by lines that were lost before it.
    when : str
        A time for trials that are created anew before any other.
    """

    def __init__(self, study: tuple[str, list[int]] | None, creations: Counter[int], when: str):
        self._study = study
        self._creations = creations
        self._when = when  # the last trial began
        self._unknown: Counter[int] = Counter()  # line -> how many trials may have been created there besides
        self._replay = JournalStorageReplayResult(WRITER)
        self._ids = Ids()
        self._logs: list[dict[str, Any]] = []
        self._losses: list[Loss] = []
        self._recreated: list[int] = []
        self._n = 0  # the last number
        self._unread = 0  # damaged lines since then, each of which had a number
        self._seen: dict[int, bytes] = {}  # number -> line
        self._kept = self._number = 0
        self._created = -1  # study of the last trial

    # ---- lines

    def read(self, number: int, line: bytes) -> None:
        """Keep a line, or what can be read of it."""
        self._number = number
        try:
            log, n = unseal(line)
        except Damage as damage:
            pieces, rest = _pieces(line)
            if len(rest) > 1 or not pieces:
                self._lose(str(damage), rest)
                self._unread += 1
            else:  # but for a byte between two lines, or behind one
                self._losses.append(Loss(number, str(damage)))
            for piece in pieces:
                self._keep(*unseal(piece), piece)
        else:
            self._kept += self._keep(log, n, line)

    def _keep(self, log: dict[str, Any], n: int | None, line: bytes) -> bool:
        if n is not None and n <= self._n:
            again = self._seen.get(n) == line
            if again or log.get(ID, self._ids.trials) < self._ids.trials:
                self._losses.append(Loss(self._number, f"has the number {n} again"))
                return False
            self._blame(log.get("trial_id"), f"has the number {n} too late")
        elif n is not None:
            lost = n - self._n - 1 - self._unread
            if lost > 0:
                self._note_all(f"follows {lost} lost line{'' if lost == 1 else 's'}", lost)
            self._n, self._unread = n, 0
        if n is not None:
            self._seen[n] = line
        try:
            self._fill(log)
            self._replay.apply_logs([log])
        except (StudyLost, _WasCreation):
            raise
        except Exception as error:  # whatever Optuna makes of nonsense
            self._lose(f"cannot be replayed ({type(error).__name__}: {error})", line)
            return False
        self._learn(log)
        return True

    def _learn(self, log: dict[str, Any]) -> None:
        if log["op_code"] == Operation.CREATE_TRIAL:
            self._created, self._when = log["study_id"], log["datetime_start"] or self._when
        self._ids.count(log)
        self._logs.append(log)

    def _add(self, code: Operation, **fields: Any) -> None:
        """An operation of the repair's own."""
        log = {"op_code": int(code), "worker_id": WRITER, **fields}
        self._replay.apply_logs([log])
        self._learn(log)

    # ---- what was lost

    def _fill(self, log: dict[str, Any]) -> None:
        """Create anew what an operation needs and no line creates."""
        creates_study = log["op_code"] == Operation.CREATE_STUDY
        studies = log.get(ID, 0) if creates_study else log.get("study_id", -1) + 1
        while self._ids.studies < studies:
            self._create_study()
        trials = log["trial_id"] + 1 if "trial_id" in log else 0 if creates_study else log.get(ID, 0)
        while self._ids.trials < trials:
            if unknown := [line for line, times in self._unknown.items() if times > 0]:
                raise _WasCreation(unknown[-1], min(self._unknown[unknown[-1]], trials - self._ids.trials))
            self._note_all(f"is about trial id {self._ids.trials}, which no line before it creates", 0)
            self._create_trial(log.get("study_id", self._created))

    def _create_study(self) -> None:
        if self._study is None or self._study[0] in self._ids.names.values():
            raise StudyLost("The line that creates a study is lost, and with it the study's name and objectives.")
        self._add(Operation.CREATE_STUDY, study_name=self._study[0], directions=self._study[1])

    def _create_trial(self, study: int) -> None:
        if not self._ids.names:
            self._create_study()
        study = study if study in self._ids.names else max(self._ids.names)
        trial = self._ids.trials
        self._add(Operation.CREATE_TRIAL, study_id=study, datetime_start=self._when)
        self._recreated.append(trial)
        self._note(trial, "the line that created it was lost")

    def _lose(self, what: str, line: bytes) -> None:
        """A damaged line: find out whose it was."""
        if (study := _STUDY.match(line)) and self._ids.studies == 0:
            self._study = self._study or (study[1].decode(errors="replace"), [int(d) for d in study[2].split(b",")])
        creation, trial = _CREATION.match(line), _TRIAL.search(line)
        if creation and not trial:
            self._losses.append(Loss(self._number, what))
            self._create_trial(int(creation[1]))
        else:
            self._blame(int(trial[1]) if trial else None, what)

    def _blame(self, trial: int | None, what: str) -> None:
        """Name the trial that has lost a line, as far as that is known."""
        found = None if trial is None else self._replay._trials.get(trial)
        if found is None or found.state.is_finished():  # the damage may be in that number
            return self._note_all(what)
        self._losses.append(Loss(self._number, what, (self._named(found),), sure=True))
        self._note(found._trial_id, f"line {self._number} of its journal was lost")

    def _note_all(self, what: str, lost: int = 1) -> None:
        """Lines are lost of which nobody knows whose they were: any of the trials that had not ended."""
        for _ in range(self._creations[self._number]):
            self._create_trial(self._created)
        self._unknown[self._number] = lost - self._creations[self._number]
        running = [trial for trial in self._replay._trials.values() if not trial.state.is_finished()]
        self._losses.append(Loss(self._number, what, tuple(map(self._named, running))))
        for trial in running:
            self._note(trial._trial_id, f"a line at line {self._number} of its journal was lost, which may be its")

    def _note(self, trial: int, text: str) -> None:
        if not self._replay._trials[trial].state.is_finished():
            self._add(Operation.SET_TRIAL_USER_ATTR, trial_id=trial, user_attr={REPAIRED: text})

    def _named(self, trial: FrozenTrial) -> tuple[str, int]:
        study = self._replay._trial_id_to_study_id[trial._trial_id]
        return self._ids.names.get(study, "a deleted study"), trial.number

    # ---- the end

    def done(self, lines: int) -> Repaired:
        """Return the readable part, in which trials without any known data are told as failed."""
        for identity in self._recreated:
            trial = self._replay._trials[identity]
            if not trial.state.is_finished() and not trial.params and set(trial.user_attrs) <= {REPAIRED}:
                reason = {REASON: "All that the journal had of this trial was lost."}
                self._add(Operation.SET_TRIAL_USER_ATTR, trial_id=identity, user_attr=reason)
                ended = {"values": None, "datetime_complete": self._when}
                self._add(Operation.SET_TRIAL_STATE_VALUES, trial_id=identity, state=int(TrialState.FAIL), **ended)
        recreated = tuple(self._named(self._replay._trials[identity]) for identity in self._recreated)
        text = LineChecker().sealed(self._logs)
        return Repaired(lines, self._kept, tuple(self._losses), recreated, text)


def _pieces(line: bytes) -> tuple[list[bytes], bytes]:
    """Whole operations within a damaged line, as where two lines became one; and the rest of it."""
    pieces, rest, end = [], b"", 0
    text = line.decode("latin-1")  # a character for each byte
    for match in _START.finditer(line):
        if (start := match.start()) < end:
            continue
        try:
            _, stop = json.JSONDecoder().raw_decode(text, start)
            unseal(line[start:stop])
        except (ValueError, Damage):
            continue
        pieces.append(line[start:stop])
        rest, end = rest + line[end:start], stop
    return pieces, rest + line[end:]
