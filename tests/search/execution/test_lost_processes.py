"""The process behind a thread: its first life is cut short, its second answers with a result that is there."""

from __future__ import annotations

import pytest

from snn.backends import spawn
from tests.support.executors import job
from tests.support.faults import full, once
from tests.support.synthetic import Bowl


def no_thread(monkeypatch):
    """None for the thread that starts the processes that stay."""
    spawn._starter.cache_clear()
    return once(monkeypatch, spawn, "Thread", RuntimeError("can't start new thread"))


LIFE = """
import json, os, sys, time
first = not os.path.exists(os.environ["MARK"])
open(os.environ["MARK"], "a").close()
if first and {when!r} == "start":
    sys.exit(1)
print("ready", flush=True)
def place():
    return json.loads(json.loads(sys.stdin.readline())["jobs"][0])["result"]

path = place()
if first:
    {act}
with open(path, "wb") as file:
    file.write(open(os.environ["RESULT"], "rb").read())
print(json.dumps({{"ended": [{{}}]}}), flush=True)
sys.stdin.readline()
"""
NEXT = """print('{"ended": [{}]}', flush=True); path = place()"""  # it lives on, and has another job
LIVES = {
    "does not begin": ("start", "pass", "must begin, but ended with exit status 1."),
    "answers garbage": ("answer", "print('{not json', flush=True)", "has answered '{not json"),
    "answers with something else": ("answer", "print('[1]', flush=True)", "which is not an answer."),
    "answers about other jobs": ("answer", "print('{\"ended\": []}', flush=True)", "which is not an answer."),
    "is killed in the middle of its answer": (
        "answer",
        "sys.stdout.write('{\"ended\": [{'); sys.stdout.flush(); os.kill(os.getpid(), 9)",
        "has answered '{\"ended\": [{', which is not an answer.",
    ),
    "is killed": ("answer", "os.kill(os.getpid(), 9)", "must answer, but ended with the signal SIGKILL."),
    "closes its pipe": ("answer", "os.close(1); time.sleep(1000)", "must answer, but no longer answers."),
    "leaves a damaged result": (
        "answer",
        "open(path, 'w').write('x'); NEXT",
        "is not a result that can be read",
    ),
    "leaves no result": ("answer", "NEXT", "No such file"),
}


@pytest.fixture
def lives(faulty_executor, monkeypatch, tmp_path):
    """Run a job behind a process whose first life is that one."""

    def run(when: str, act: str) -> None:
        result = job(Bowl(), "standalone").run()
        result.save(tmp_path / "result.npz")
        monkeypatch.setenv("RESULT", str(tmp_path / "result.npz"))
        monkeypatch.setenv("MARK", str(tmp_path / "mark"))
        monkeypatch.setattr(
            "search.execution.child_process.CODE", LIFE.format(when=when, act=act.replace("NEXT", NEXT))
        )
        monkeypatch.setattr("search.execution.child_process.GRACE", 0.5)
        ran = faulty_executor.submit(job(Bowl(), "runtime")).result(120).result
        assert (ran.accuracy, ran.loss, ran.counts) == (result.accuracy, result.loss, result.counts)

    return run


@pytest.mark.parametrize("life", LIVES)
def test_a_process_that_is_lost(lives, said, life):
    when, act, words = LIVES[life]
    lives(when, act)
    assert len(said) == 1 and words in said[0]


@pytest.mark.parametrize(
    ("force", "words"),
    [(full, "cannot be started: Resource temporarily unavailable."), (no_thread, "can't start new thread.")],
)
def test_a_process_that_cannot_be_started(lives, said, monkeypatch, force, words):
    force(monkeypatch)
    lives("answer", "pass")
    assert len(said) == 1 and words in said[0]
