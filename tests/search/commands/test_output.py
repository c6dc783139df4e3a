"""Standard output: only the result where a program reads it, and no characters that end a command."""

import json
import os
import subprocess
import sys

import pytest

from search.text import readable
from tests.support.command_line import ROOT

LOUD = """\
import atexit, ctypes, os, subprocess, sys
from sys import stdout as kept
from search import Study
from tests.support.synthetic import Bowl, network as bowl

def shout(where):
    print("python", where)
    kept.write("kept " + where + "\\n")
    os.write(1, b"descriptor " + where.encode() + b"\\n")
    ctypes.CDLL(None).puts(b"c " + where.encode())
    subprocess.run(["echo", "child " + where])

shout("import")
atexit.register(shout, "exit")

class Loud(Bowl):
    pass

def network(trial):
    shout("network")
    return bowl(trial)

def score(result):
    shout("objective")
    return result.accuracy

study = Study(network, task=Bowl(), objectives=[score])
"""


def command(folder, *words, env=None):
    return subprocess.run(
        [sys.executable, "-m", "search.cli", *map(str, words)], cwd=folder, capture_output=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    )  # fmt: skip


@pytest.mark.slow
def test_what_a_script_prints_does_not_mix_with_json(write, folder):
    script = write(LOUD, name="loud.py")
    ran = command(folder, "run", script, "--trials", 2, "--workers", 1, "--json")
    assert ran.returncode == 0 and json.loads(ran.stdout)["study"] == "loud" and ran.stdout.count(b"\n") == 1
    for how in (b"python", b"kept", b"descriptor", b"c", b"child"):
        for where in (b"import", b"network", b"objective", b"exit"):
            assert how + b" " + where in ran.stderr
    best = command(folder, "best", script)
    assert json.loads(best.stdout)["populations"] and b"python import" in best.stderr


COMMANDS = {
    "show": ("show", "loud.py", "--json"), "best": ("best", "loud.py"), "repair": ("repair", "loud.py", "--json"),
    "list": ("cache", "list", "--json"), "size": ("cache", "size", "--json"),
}  # fmt: skip
LONGER = {
    "run": ("run", "loud.py", "--trials", 1, "--json"), "doctor": ("doctor", "--json"),
    "confirm": ("confirm", "loud.py", "--top", 1, "--seeds", 1, "--json"),
}  # fmt: skip


@pytest.mark.parametrize("commands", [COMMANDS, pytest.param(LONGER, marks=pytest.mark.slow)], ids=["short", "long"])
def test_every_command_writes_one_line_of_json(write, snnsearch, commands):
    quiet = LOUD.replace("    kept.write", "    return\n    kept.write")  # here pytest captures prints of Python's only
    quiet = quiet.replace('atexit.register(shout, "exit")', "")
    write(quiet, name="loud.py")
    assert snnsearch("run", "loud.py", "--trials", 1, "--workers", 1).status == 0
    for words in commands.values():
        done = snnsearch(*words)
        assert json.loads(done.out) and done.out.count("\n") == 1
        assert words[0] in ("doctor", "cache") or "python import" in done.err


def test_standard_output_is_given_back():
    code = """if True:
        import os, sys
        from search.output import only_result
        with only_result() as out:
            print("no result")
            os.write(1, b"nor this\\n")
            out.write("result\\n")
        print("after")
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "result\nafter\n" and done.stderr == "no result\nnor this\n"


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error():
    read, written = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "search.cli", "cache", "size", "--json"]
    done = subprocess.run(words, cwd=ROOT, stdout=written, stderr=subprocess.PIPE, check=False)
    os.close(written)
    assert done.returncode == 0 and b"Broken" not in done.stderr and b"Traceback" not in done.stderr


GREEK = """\
# Größe µ τ
from search import Study
from tests.support.synthetic import Bowl, network as bowl

def network(trial):
    trial.suggest_categorical("größe", ["µ", "τ"])
    return bowl(trial)

study = Study(network, task=Bowl(), objectives=["accuracy"])
"""
LONG = pytest.mark.nightly
ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "strict": {"PYTHONIOENCODING": "latin-1:strict"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["C", pytest.param("ascii", marks=LONG), pytest.param("strict", marks=LONG)])
def test_no_character_ends_a_command(folder, encoding):
    """The same study under each encoding, and from one to another."""
    place = folder / "Étude µ"
    place.mkdir()
    (place / "étude.py").write_text(GREEK, encoding="utf-8")
    env = ENCODINGS[encoding]
    for words in (
        ("run", "étude.py", "--trials", 2, "--rungs", 1, "--workers", 1), ("show", "étude.py"),
        ("report", "étude.py", "-o", "é.html"), ("replay", "étude.py", 0), ("repair", "étude.py"),
    ):  # fmt: skip
        done = command(place, *words, env=env)
        assert done.returncode == 0 and b"Unicode" not in done.stderr, (words, done.stderr)
        assert words[0] != "run" or encoding != "C" or b"gr??e" in done.stdout
    done = command(place, "show", "étude.py", "--json", env={"PYTHONUTF8": "1"})
    shown = json.loads(done.stdout)
    assert shown["study"] == "étude" and set(shown["best"][0]["params"]) == {"größe", "x", "y"}


@pytest.mark.slow
def test_a_file_name_that_is_no_text(folder):
    """In Latin-1, as from another system; SQLite takes no surrogates."""
    script = os.fsencode(folder) + b"/\xe9tude.py"
    with open(script, "w", encoding="utf-8") as file:
        file.write(GREEK)
    name = os.fsdecode(b"\xe9tude.py")
    done = command(folder, "run", name, "--trials", 1, "--rungs", 1, "--storage", "sqlite:///s.db", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["study"] == "\ufffdtude"
    shown = command(folder, "show", name, "--storage", "sqlite:///s.db")
    assert shown.returncode == 0 and b"Traceback" not in shown.stderr


def test_text_that_could_not_be_decoded_is_read_as_utf_8():
    assert readable("étude") == "étude"
    assert readable("étude".encode().decode("ascii", "surrogateescape")) == "étude"
    assert readable("étude".encode("latin-1").decode("utf-8", "surrogateescape")) == "\ufffdtude"
