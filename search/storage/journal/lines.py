"""Lines of a journal: operations of Optuna as JSON, with further keys that show damage.

A line that this package writes ends in ``"n":17,"crc":"1a2b3c4d"}``. `n` counts the lines of the file that have an `n`,
from 1. `crc` is the CRC-32 of the bytes before ``,"crc"``, in hexadecimal. A line that creates a study or a trial also
has `id`, the id that Optuna gives to it. Optuna ignores all three keys, and lines without them are read too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from optuna.storages.journal._storage import JournalOperation as Operation

N, CRC, ID = "n", "crc", "id"
MARK = b',"crc":"'
SEAL = len(MARK) + len('00000000"}')  # bytes at the end of a line that its checksum does not cover
OPERATIONS = frozenset(map(int, Operation))
CREATE_STUDY, DELETE_STUDY, CREATE_TRIAL = (  # plain integers: each line is compared with them
    int(one) for one in (Operation.CREATE_STUDY, Operation.DELETE_STUDY, Operation.CREATE_TRIAL)
)


class Damage(Exception):
    """A line is damaged; the text completes the sentence `line 17 ...`."""


def seal(log: dict[str, Any], n: int, identity: int | None = None) -> bytes:
    """The line of an operation, its newline included.

    Parameters
    ----------
    log : dict
        The operation.
    n : int
        Number of the line among those that have one.
    identity : int, optional
        Id of the study or trial that the operation creates.
    """
    named = {} if identity is None else {ID: identity}
    plain = {key: value for key, value in log.items() if key not in (N, CRC, ID)}
    text = json.dumps({**plain, **named, N: n}, separators=(",", ":")).encode()[:-1]
    return b'%s%s%08x"}\n' % (text, MARK, crc32(text))


def unseal(line: bytes) -> tuple[dict[str, Any], int | None]:
    """The operation of a line (without its newline), and its number if it has one.

    Raises
    ------
    Damage
        If the line is not as it was written.
    """
    sealed = line[-SEAL : -SEAL + len(MARK)] == MARK
    if sealed and line[-SEAL + len(MARK) :] != b'%08x"}' % crc32(line[:-SEAL]):
        raise Damage("does not match its checksum")
    try:
        log = json.loads(line)
    except ValueError:
        raise Damage("is not valid JSON") from None
    if not isinstance(log, dict) or not _is_operation(log.get("op_code")):
        raise Damage("is not an operation of Optuna's")
    if not sealed and (N in log or CRC in log):
        raise Damage("has a damaged checksum")
    return log, log[N] if sealed else None


def _is_operation(code: Any) -> bool:
    return isinstance(code, int) and code in OPERATIONS


def whole_but_its_end(line: bytes) -> bool:
    """Whether a line without a newline was once written with one: something else stands behind its checksum."""
    end = line.rfind(MARK) + SEAL
    return SEAL <= end < len(line) and line[end - SEAL + len(MARK) : end] == b'%08x"}' % crc32(line[: end - SEAL])


@dataclass
class Ids:
    """The ids that Optuna gives to studies and trials, which count their creations.

    Parameters
    ----------
    names : dict
        Id -> name of the studies that have not been deleted.
    studies, trials : int
        How many were created.
    """

    names: dict[int, str] = field(default_factory=dict)
    studies: int = 0
    trials: int = 0

    def next(self, log: dict[str, Any]) -> int | None:
        """The id of the study or trial that an operation creates; None if it creates nothing."""
        if log["op_code"] == CREATE_STUDY:
            return None if log["study_name"] in self.names.values() else self.studies
        if log["op_code"] == CREATE_TRIAL:
            return self.trials if log["study_id"] in self.names else None
        return None

    def missing(self, log: dict[str, Any]) -> str | None:
        """Return the missing object that an operation needs, such as `trial id 3`."""
        if "trial_id" in log:
            return f"trial id {log['trial_id']}" if log["trial_id"] >= self.trials else None
        made = log.get(ID, -1)
        if log["op_code"] == CREATE_STUDY:
            return f"study id {made - 1}" if made > self.studies else None
        if log.get("study_id", -1) >= self.studies:
            return f"study id {log['study_id']}"
        return f"trial id {made - 1}" if log["op_code"] == CREATE_TRIAL and made > self.trials else None

    def count(self, log: dict[str, Any]) -> None:
        """Learn an operation."""
        if log["op_code"] == DELETE_STUDY:
            self.names.pop(log["study_id"], None)
        elif (made := self.next(log)) is None:
            return
        elif log["op_code"] == CREATE_STUDY:
            self.names[made] = log["study_name"]
            self.studies += 1
        else:
            self.trials += 1


@dataclass
class LineChecker:
    """Reads the lines of a journal in their order, and notices one that is missing or there twice."""

    n: int = 0
    ids: Ids = field(default_factory=Ids)

    def read(self, line: bytes) -> dict[str, Any]:
        """The operation of the next line (without its newline).

        Raises
        ------
        Damage
            If the line is damaged, or does not follow from the lines before it.
        """
        log, n = unseal(line)
        if n is not None and n != self.n + 1:
            raise Damage(f"has the number {n}, but {self.n + 1} must follow: " + _gap(n - self.n - 1))
        try:
            missing = self.ids.missing(log)
            if missing is None:
                self.ids.count(log)
        except (KeyError, TypeError):
            raise Damage("is not an operation of Optuna's") from None
        if missing is not None:
            raise Damage(f"comes after the creation of {missing}, but no line before it creates that")
        self.n = self.n if n is None else n
        return log

    def sealed(self, logs: Iterable[dict[str, Any]]) -> bytes:
        """The lines of operations that are to follow.

        Raises
        ------
        KeyError
            If one is about a study or a trial that was never created.
        """
        ids, lines = Ids(dict(self.ids.names), self.ids.studies, self.ids.trials), []
        for n, log in enumerate(logs, start=self.n + 1):
            if ids.missing(log):
                raise KeyError("Record does not exist.")  # as Optuna says, which would write the line all the same
            lines.append(seal(log, n, ids.next(log)))
            ids.count(log)
        return b"".join(lines)


def _gap(lines: int) -> str:
    if lines < 0:
        return "a line is there twice, or out of order"
    return "a line is missing before it" if lines == 1 else f"{lines} lines are missing before it"
