"""A runner with a Python process of its own, for backends with global state and for protection from crashes."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

from search.execution.runner import Runner
from search.spec.job import Job
from snn import errors
from snn.backends.process import KILLS
from snn.backends.scratch import scratch
from snn.backends.spawn import guarded, spawn_to_stay
from snn.profile import stage
from snn.system.paths import absolute, child_environment, working_folder

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.results.result import Result

CODE = "from search.execution.child import main; main()"
READY = "ready\n"  # its long imports are behind it, which are not counted as a run's time
GRACE = 10.0  # seconds in which a process that has closed its pipe ends


class InProcess(Runner):
    """Sends jobs as lines of JSON to a process of `search.execution.child`; results come back in files without pickle.

    A process that crashes or takes too long costs its own job only: the next job starts a fresh one. A profile has the
    stages of its jobs; its start and its imports belong to no stage.

    Parameters
    ----------
    profile : Profile, optional
        Where the CPU time of jobs is counted.
    """

    def __init__(self, profile: Profile | None = None) -> None:
        self._profile = profile
        self._folder = working_folder()  # a user's code may change it before the process starts
        self._process: subprocess.Popen[str] | None = None
        self._stopped = Event()

    def run(self, job: Job) -> Result:
        """Run a job and wait for it."""
        (result,) = self.run_together([job])
        if isinstance(result, Exception):
            raise result
        return result

    def run_together(self, jobs: Sequence[Job]) -> list[Result | Exception]:
        """Run jobs side by side and wait for them. A crash, or too much time for all of them, is an error of all."""
        with scratch() as folder:
            paths = [folder / f"{place}.npz" for place in range(len(jobs))]
            answer = self._ask(jobs, paths)
            if self._profile is not None:
                self._profile.merge(answer["profile"])
            return [self._read(ended, path) for ended, path in zip(answer["ended"], paths, strict=True)]

    def _read(self, ended: dict[str, str], path: Path) -> Result | Exception:
        """Read the result of one job."""
        from snn.results.result import Result

        if "error" in ended:
            return getattr(errors, ended["error"], errors.RunError)(ended["message"])
        try:
            with stage(self._profile, "read"):
                return Result.load(path)
        except errors.SNNError as error:
            return errors.MachineError(str(error))

    def pause(self, seconds: float) -> None:
        """Wait."""
        if self._stopped.wait(seconds):
            raise errors.Cancelled("The run was stopped.")

    def stop(self) -> None:
        """Kill the process, and wait for its end: what it used is known only then."""
        self._stopped.set()
        self._kill()
        if (process := self._process) is not None:
            process.wait()

    def _ask(self, jobs: Sequence[Job], paths: Sequence[Path]) -> dict[str, Any]:
        """Send jobs to the process and return its answer. Raises an error if there is none, or if it cannot be read."""
        process = self._start()
        late = Event()
        seconds = sum(job.timeout or math.inf for job in jobs)
        timed = seconds < math.inf and jobs[0].backend.startswith("runtime")  # a compiled program is killed from there
        told = [job.to_json(result=str(path)) for job, path in zip(jobs, paths, strict=True)]
        text = json.dumps({"jobs": told, "profile": self._profile is not None}) + "\n"
        with self._killed_after(seconds, late) if timed else nullcontext():
            line = _talk(process, text)
        if not line or late.is_set():  # killed, be it in the very moment of its answer
            self._process = None
        if line:
            return self._answer(line, len(jobs))
        if self._stopped.is_set():
            raise errors.Cancelled("The run was stopped.")
        if late.is_set():
            what = "A run" if len(jobs) == 1 else f"A batch of {len(jobs)} runs"
            raise errors.RunTimeout(f"{what} must end within {seconds:g} s, but did not, and was killed.")
        code = _end(process)
        kind = errors.MachineError if code is None else errors.Killed if -code in KILLS else errors.RunError
        raise kind(f"The process of a run must answer, but {_status(code)}.")

    @contextmanager
    def _killed_after(self, seconds: float, late: Event) -> Iterator[None]:
        """Kill the process if the context lasts too long."""
        timer = Timer(seconds, self._kill_late, [late])
        try:
            timer.start()
        except RuntimeError as error:  # no more threads
            raise errors.MachineError(f"The time of a run cannot be watched: {error}.") from error
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _answer(self, line: str, count: int) -> dict[str, Any]:
        """An answer about so many jobs."""
        try:
            answer = json.loads(line)
            if len(answer["ended"]) == count and (self._profile is None or answer["profile"]):
                return answer
        except (ValueError, TypeError, KeyError):
            pass
        self._kill()
        self._process = None
        raise errors.MachineError(f"The process of a run has answered {line[:60]!r}, which is not an answer.")

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None and not self._stopped.is_set():
            variables = child_environment([str(absolute(path, self._folder)) for path in sys.path])
            # In a group of its own: Ctrl-C in the terminal is for the driver.
            process = spawn_to_stay(
                guarded(sys.executable, CODE),
                variables,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                cwd=self._folder if self._folder.is_dir() else None,
            )
            self._process = process
            assert process.stdout is not None
            if process.stdout.readline() != READY and not self._stopped.is_set():
                self._process = None
                raise errors.MachineError(f"The process of a run must begin, but {_status(_end(process))}.")
        if self._process is None or self._stopped.is_set():
            self._kill()
            raise errors.Cancelled("The run was stopped.")
        return self._process

    def _kill_late(self, late: Event) -> None:
        late.set()
        self._kill()

    def _kill(self) -> None:
        if (process := self._process) is not None:
            process.terminate()  # its guard kills all of it


def _talk(process: subprocess.Popen[str], text: str) -> str:
    """Send a line; the line that comes back, or nothing if the process has ended."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(text)
        process.stdin.flush()
        return process.stdout.readline()
    except (OSError, UnicodeDecodeError):
        return ""


def _end(process: subprocess.Popen[str]) -> int | None:
    """The exit status of a process that no longer speaks; None if it has to be killed."""
    try:
        return process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
        return None


def _status(code: int | None) -> str:
    if code is None:
        return "no longer answers"
    return f"ended with the signal {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
