"""The process behind `process.InProcess`: reads jobs from standard input, answers on standard output."""

from __future__ import annotations

import json
import os
import sys
from queue import SimpleQueue
from threading import Thread

from search.job import Job
from search.script import Script, load_module
from snn.errors import SNNError
from snn.profile import Profile, stage


def main() -> None:
    """Serve until standard input ends, which it also does when the driver dies."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a run prints must not be taken for an answer
    jobs: SimpleQueue[str] = SimpleQueue()
    Thread(target=_read, args=(jobs,), daemon=True).start()
    import tasks  # noqa: F401  the long imports, before the clock of the first job starts

    answers.write("ready\n")
    imported: set[str] = set()
    while True:
        answers.flush()
        answers.write(_serve(jobs.get(), imported) + "\n")


def _read(jobs: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)  # in the middle of a run too: nobody waits for it any more


def _serve(line: str, imported: set[str]) -> str:
    job, more = Job.from_json(line)
    profile = Profile() if more["profile"] else None
    answer = _run(job, more["result"], profile, imported)
    return json.dumps(answer if profile is None else {**answer, "profile": profile.to_json()})


def _run(job: Job, path: str, profile: Profile | None, imported: set[str]) -> dict[str, str]:
    """Run a job and write its result; what went wrong, if anything did."""
    try:
        if job.script is not None and job.script not in imported:
            load_module(Script.read(job.script))
            imported.add(job.script)
        result = job.run(profile=profile)
        with stage(profile, "read"):  # how it comes back from here
            result.save(path)
    except SNNError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except Exception as error:
        return {"error": "RunError", "message": f"{type(error).__name__}: {error}"}
    return {}


if __name__ == "__main__":
    main()
