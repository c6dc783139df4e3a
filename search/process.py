"""A runner that keeps a Python process of its own: for backends with global state, and as a wall against crashes."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

from search.executor import Runner
from search.job import Job
from snn import errors
from snn.backends.process import KILLS
from snn.paths import absolute, child_environment, working_folder
from snn.profile import stage

if TYPE_CHECKING:
    from snn.profile import Profile
    from snn.result import Result


class InProcess(Runner):
    """Sends jobs as lines of JSON to `python -m search.worker`; a result comes back in a file without pickle.

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
        with tempfile.TemporaryDirectory(prefix="snnsearch-") as folder:
            paths = [Path(folder) / f"{place}.npz" for place in range(len(jobs))]
            answer = self._ask(jobs, paths)
            if self._profile is not None:
                self._profile.merge(answer["profile"])
            return [self._read(ended, path) for ended, path in zip(answer["ended"], paths, strict=True)]

    def _read(self, ended: dict[str, str], path: Path) -> Result | Exception:
        """What one of the jobs gave."""
        from snn.result import Result

        if "error" in ended:
            return getattr(errors, ended["error"], errors.RunError)(ended["message"])
        with stage(self._profile, "read"):
            return Result.load(path)

    def stop(self) -> None:
        """Kill the process, and wait for its end: what it used is known only then."""
        self._stopped.set()
        self._kill()
        if (process := self._process) is not None:
            process.wait()

    def _ask(self, jobs: Sequence[Job], paths: Sequence[Path]) -> dict[str, Any]:
        process = self._start()
        assert process.stdin is not None and process.stdout is not None
        late = Event()
        timer = None
        seconds = sum(job.timeout or math.inf for job in jobs)
        if seconds < math.inf and jobs[0].backend.startswith("runtime"):  # a compiled program is killed from in there
            timer = Timer(seconds, self._kill_late, [late])
        try:
            if timer:
                timer.start()
            told = [job.to_json(result=str(path)) for job, path in zip(jobs, paths, strict=True)]
            process.stdin.write(json.dumps({"jobs": told, "profile": self._profile is not None}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            if timer:
                timer.cancel()
                timer.join()
        if not line or late.is_set():  # killed, be it in the very moment of its answer
            self._process = None
        if line:
            return json.loads(line)
        if self._stopped.is_set():
            raise errors.Cancelled("The run was stopped.")
        if late.is_set():
            what = "A run" if len(jobs) == 1 else f"A batch of {len(jobs)} runs"
            raise errors.RunTimeout(f"{what} must end within {seconds:g} s, but did not, and was killed.")
        code = process.wait()
        kind = errors.Killed if -code in KILLS else errors.RunError
        raise kind(f"The process of the run must answer, but ended with {_status(code)}.")

    def _start(self) -> subprocess.Popen[str]:
        if self._process is None and not self._stopped.is_set():
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "search.worker"],  # no modules of the working folder, which may be any
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self._folder if self._folder.is_dir() else None,
                env=child_environment([str(absolute(path, self._folder)) for path in sys.path]),
                start_new_session=True,  # Ctrl-C in the terminal is for the driver
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()  # ready: what it imports is not counted as the run's time
        if self._process is None or self._stopped.is_set():
            self._kill()
            raise errors.Cancelled("The run was stopped.")
        return self._process

    def _kill_late(self, late: Event) -> None:
        late.set()
        self._kill()

    def _kill(self) -> None:
        if (process := self._process) is not None:
            process.kill()


def _status(code: int) -> str:
    return f"the signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
