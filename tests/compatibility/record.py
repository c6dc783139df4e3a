"""Record studies, networks, results and numbers, which later versions must read and reproduce.

    python -m tests.compatibility.record

It was run once, with snnsearch 0.2.0.dev0 at commit 175e5b1, when the JSON of networks had schema 1. It fills
`tests/compatibility/data/`, and stays here as the account of how the data were made: a later version that ran it would
record itself. It needs Linux, g++ and a few minutes. It works in the folder `stored.FOLDER`. The data tell no more of
the machine than that path and the versions in `data/recorded.json`.

- `digits.txt`: `studies/digits.py` as it was; the script of all studies.
- `studies/journal`, `studies/sqlite`: six trials with one worker, finished.
- `studies/half`: the same search, whose driver was killed while its third trial had rungs behind it.
- `networks.jsonl.gz`, `tasks.json`: the JSON of every class that a network or task may hold.
- `runtime.npz`, `standalone.npz`: weights, recordings, losses and predictions of `networks.CASES` in float64.
- `result.npz`: a file of `Result.save`; `result.json`: its numbers.
- `outputs.json`: what commands write, of which `stored.VOLATILE` names the fields that differ from run to run.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import ms

from snn import NetworkSpec
from tasks import Digits, EvidenceAccumulation, Mnist, PatternGeneration
from tests.compatibility import schema
from tests.compatibility.networks import CASES
from tests.compatibility.numbers import BACKENDS, arrays, run
from tests.compatibility.stored import DATA, FOLDER, NETWORKS, SCRIPT, copy_study, place, shape, surroundings

ROOT = Path(__file__).parents[2]
TRIALS = ["--trials", "6", "--workers", "1"]


def main() -> None:
    if FOLDER.exists():
        raise SystemExit(f"{FOLDER} must not exist")
    shutil.rmtree(DATA, ignore_errors=True)
    (DATA / "studies").mkdir(parents=True)
    shutil.copyfile(ROOT / "studies" / "digits.py", SCRIPT)
    keep("recorded.json", {"snnsearch": version("snnsearch"), "surroundings": surroundings()})
    networks = record_networks()
    record_numbers(networks)
    outputs = record_studies()
    keep("outputs.json", outputs | {"shapes": record_shapes()})
    shutil.rmtree(FOLDER)


def keep(name: str, value: Any) -> None:
    (DATA / name).write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def record_networks() -> dict[str, str]:
    networks = schema.networks()
    lines = "".join(json.dumps([name, text]) + "\n" for name, text in networks.items())
    NETWORKS.write_bytes(gzip.compress(lines.encode(), mtime=0))
    tasks = (Digits(), Digits(sample=20 * ms, gap=5 * ms, reset=False, hold_out=False, split_seed=3, normalise=True))
    tasks = (*tasks, EvidenceAccumulation(), Mnist(images=1000), PatternGeneration())
    keep("tasks.json", [task.to_json() for task in tasks])
    return networks


def record_numbers(networks: dict[str, str]) -> None:
    specs = {name: NetworkSpec.from_json(networks[f"case {name}"]) for name in CASES}
    for backend in BACKENDS:
        found = {}
        for name, spec in specs.items():
            kept = arrays(spec, run(name, spec, backend))
            found |= {f"{name}/{what}": array for what, array in kept.items()}
        np.savez_compressed(DATA / f"{backend}.npz", **found)
    result = run("digits", specs["digits"], "standalone")
    result.save(DATA / "result.npz")
    names = ("accuracy", "loss", "prequential_accuracy", "prequential_loss", "test_accuracy", "test_loss", "spikes")
    names += ("synaptic_operations", "weight_writes", "energy_j", "memory_bits", "dt_ms", "period", "seed", "builds")
    numbers = {name: getattr(result, name) for name in names}
    texts = {"hashes": dict(result.hashes), "energy_table": asdict(result.energy_table)}
    keep("result.json", numbers | {"counts": dict(result.counts)} | texts)


def command(*words: str, status: int = 0) -> str:
    """The standard output of a command."""
    done = subprocess.run([sys.executable, "-m", "search.cli", *words], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != status:
        raise SystemExit(f"{words} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def record_studies() -> dict[str, Any]:
    """Make the three studies, then run each command on a copy in the same folder."""
    outputs: dict[str, Any] = {}
    for kind in ("journal", "sqlite"):
        script = begin()
        outputs[f"run {kind}"] = json.loads(command("run", *place(kind, script), *TRIALS, "--json"))
        store(kind)
    script = begin()
    interrupt(script)
    store("half")
    for kind in ("journal", "sqlite", "half"):
        outputs[f"show {kind}"] = json.loads(command("show", *place(kind, again(kind)), "--json"))
        outputs[f"best {kind}"] = json.loads(command("best", *place(kind, again(kind))))
    for kind in ("journal", "half"):
        outputs[f"go on {kind}"] = json.loads(command("run", *place(kind, again(kind)), *TRIALS, "--json"))
    for kind in ("journal", "sqlite"):
        confirm = ("confirm", *place(kind, again(kind)), "--top", "1", "--seeds", "2", "--workers", "1", "--json")
        outputs[f"confirm {kind}"] = json.loads(command(*confirm))
        outputs[f"replay {kind}"] = command("replay", *place(kind, again(kind)), "0")
    outputs["repair journal"] = json.loads(command("repair", *place("journal", again("journal")), "--json"))
    outputs["explain --latex"] = command("explain", str(again("journal")), "--latex")
    outputs["trials"] = trials(again("journal"))
    return outputs


def record_shapes() -> dict[str, Any]:
    """The keys of outputs that tell of the machine."""
    words = (("doctor",), ("cache", "list"), ("cache", "size"), ("cache", "clear", "--older", "3000"))
    return {" ".join(one): shape(json.loads(command(*one, "--json"))) for one in words}


def trials(script: Path) -> list[dict[str, Any]]:
    """Parameters, values and states of a journal's trials, as Optuna reads them."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(script.with_suffix(".journal"))))
    study = optuna.load_study(study_name="digits", storage=storage)
    return [{"params": t.params, "values": t.values, "state": t.state.name} for t in study.trials]


def begin() -> Path:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    return Path(shutil.copyfile(SCRIPT, FOLDER / "digits.py"))


def again(kind: str) -> Path:
    begin()
    return copy_study(kind, FOLDER)


def store(kind: str) -> None:
    """Keep what lies beside the script, without images and locks; states and databases are compressed."""
    target = DATA / "studies" / kind
    leave = shutil.ignore_patterns("digits.py", "*.artifacts", "*.lock", "__pycache__")
    shutil.copytree(FOLDER, target, ignore=leave)
    for path in [*target.rglob("*.rung"), *target.rglob("*.db")]:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()


def interrupt(script: Path) -> None:
    """Kill a search while its third trial runs and has a saved rung."""
    words = [sys.executable, "-m", "search.cli", "run", str(script), *TRIALS]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(FOLDER.rglob("2.0.*.rung")):
        if process.poll() is not None:
            raise SystemExit("the search ended too early")
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    shown = json.loads(command("show", str(script), "--json"))
    if shown["trials"]["running"] != 1 or not list(FOLDER.rglob("2.0.*.rung")):
        raise SystemExit(f"the search was not caught half way: {shown['trials']}")


if __name__ == "__main__":
    main()
