"""The command `snnsearch dashboard`, which opens a study in optuna-dashboard on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any

from search.commands.common import add_place, read_plan, read_study, whole

if TYPE_CHECKING:
    from wsgiref.simple_server import WSGIServer

    import optuna

    from search.execution.runner import Runner
    from search.spec.spec import Plan

PORT = 8080

NAME = "dashboard"
EXAMPLES = """\
examples:
  snnsearch dashboard my_study.py
  snnsearch dashboard my_study.py --port 8123 --no-browser
      through ssh: ssh -L 8123:127.0.0.1:8123 that-machine, then open the printed address here
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="the study in a browser",
        description="Serve optuna-dashboard with the study until Ctrl-C. The best trials carry images and a note.",
        epilog=EXAMPLES,
    )
    add_place(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=whole(0), help=f"port (default: {PORT}, or a free one if that is taken)")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.execution.local import ByBackend

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore Ctrl-C
    plan = read_plan(arguments)
    study = read_study(plan)
    server = _listen(plan, study, arguments.host, arguments.port)
    url = f"http://{arguments.host}:{server.server_port}/dashboard/studies/{study._study_id}"
    print(f"Study {study.study_name}: {url}", flush=True)
    print("Ctrl-C ends it.", file=sys.stderr, flush=True)
    runner = ByBackend(plan.task)
    Thread(target=draw_best, args=(plan, study, runner), daemon=True).start()
    if not arguments.no_browser:
        _open_browser(url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    finally:
        runner.stop()
        server.server_close()
    return 0


def _listen(plan: Plan, study: optuna.Study, host: str, port: int | None) -> WSGIServer:
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    from optuna.artifacts import FileSystemArtifactStore
    from optuna_dashboard import wsgi

    from search.errors import StudyError

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Quiet(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Requests are no news."""

    plan.location.artifacts.mkdir(parents=True, exist_ok=True)
    app = wsgi(study._storage, artifact_store=FileSystemArtifactStore(plan.location.artifacts))
    for candidate in [port] if port is not None else [PORT, 0]:
        try:
            return make_server(host, candidate, app, server_class=Server, handler_class=Quiet)
        except (OSError, OverflowError) as error:  # the latter for a port beyond 65535
            problem = error
    where = host if port is None else f"{host}:{port}"
    reason = problem.strerror if isinstance(problem, OSError) else problem
    raise StudyError(f"The dashboard must get an address to listen on, but {where}: {reason}.")


def draw_best(plan: Plan, study: optuna.Study, runner: Runner) -> None:
    """Give images and notes to the best so far of a search that is not over; the test part stays unread."""
    from search.dashboard.present import present
    from search.driver.finish import Finish
    from snn.errors import SNNError

    finish = Finish(plan, study, test=False, present=present)
    for trial, jobs in finish.todo():
        try:
            finish.keep(trial, [runner.run(job) for job in jobs], seconds=0.0)
        except SNNError as error:
            print(f"trial {trial.number} cannot be drawn: {error}", file=sys.stderr)


def _open_browser(url: str) -> None:
    """Open the address where there is a desktop to open it on."""
    import os
    import webbrowser

    if sys.stdout.isatty() and (sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys()):
        webbrowser.open(url)
