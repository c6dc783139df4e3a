"""A real PostgreSQL server for tests: Debian's, in a folder of its own, on loopback, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

USERS = ("postgres", "nobody")  # whom root becomes, since the server refuses to run as root
ROLE, DATABASE = "ann", "studies"
PASSWORD = "pass word@1/%:x"  # one that must be escaped in a URL
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=40", "shared_buffers=16MB")
# The server ends when whoever started it does, however that ends: its standard input is a pipe from there.
WATCHED = 'exec 3<&0; "$0" "$@" 3<&- & server=$!; { read _ <&3; kill -QUIT $server; } & wait $server'


def programs() -> Path | None:
    """The folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def missing() -> str | None:
    """Why there can be no server here."""
    if programs() is None:
        return "PostgreSQL's server is not installed (Debian: apt install postgresql)"
    if os.geteuid() == 0 and _user() is None:
        return f"PostgreSQL's server refuses to run as root, and there is no user {' or '.join(USERS)}"
    return None


class Server:
    """A server, running or not.

    Parameters
    ----------
    folder : Path
        For its data; the user who runs the server owns it.
    durable : bool
        Whether what is committed outlasts a crash of the machine; not needed where only the server is killed.
    """

    def __init__(self, folder: Path, durable: bool = False):
        self.data = folder / "data"
        self.port = free_port()
        self._process: subprocess.Popen | None = None
        self._durable = durable
        password = folder / "password"
        password.write_text(PASSWORD + "\n")
        if (user := _user()) is not None:
            for path in (folder, password):
                os.chown(path, user.pw_uid, user.pw_gid)
        options = ["-U", ROLE, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--pwfile", password]
        self._call("initdb", "-D", self.data, *options)

    @property
    def url(self) -> str:
        """The database, with its password."""
        from urllib.parse import quote

        return f"postgresql://{ROLE}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        settings = [*SETTINGS, f"port={self.port}", *([] if self._durable else ["fsync=off"])]
        options = [word for setting in settings for word in ("-c", setting)]
        with (self.data.parent / "log").open("ab") as log:
            command = ["sh", "-c", WATCHED, *self._as_user("postgres", "-D", self.data, *options)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        end = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.data.parent / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, mode: str = "fast") -> None:
        """End it: `fast` ends its connections first, `immediate` is like a crash."""
        process, self._process = self._process, None
        if process is not None:
            self._call("pg_ctl", "stop", "-D", self.data, "-m", mode, "-w")
            process.stdin.close()
            process.wait(30)

    def restart(self, mode: str = "fast", pause: float = 0.0) -> None:
        """Stop it, and after a pause start it again."""
        self.stop(mode)
        time.sleep(pause)
        self.start()

    def sql(self, statement: str, database: str = DATABASE) -> list[tuple]:
        """What a statement gives."""
        import psycopg

        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=ROLE, password=PASSWORD, dbname=database, autocommit=True
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def empty(self) -> None:
        """Make the database anew."""
        self.sql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", "postgres")
        self.sql(f"CREATE DATABASE {DATABASE}", "postgres")

    def _answers(self) -> bool:
        folder = programs()
        assert folder is not None
        command = [folder / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-d", "postgres"]
        return subprocess.run(command, check=False).returncode == 0

    def _call(self, *command: object) -> None:
        done = subprocess.run(self._as_user(*command), capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")

    def _as_user(self, program: str, *arguments: object) -> list[str]:
        folder = programs()
        assert folder is not None
        words = [str(folder / program), *map(str, arguments)]
        if (user := _user()) is None:
            return words
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--", *words]


@contextmanager
def server(durable: bool = False) -> Iterator[Server]:
    """A server that runs, with an empty database; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="snnsearch-postgres-", ignore_cleanup_errors=True) as folder:
        one = Server(Path(folder), durable)
        one.start()
        try:
            one.empty()
            yield one
        finally:
            one.stop("immediate")


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _user() -> pwd.struct_passwd | None:
    """Whom to become: nobody else unless this is root."""
    if os.geteuid() != 0:
        return None
    for name in USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None
