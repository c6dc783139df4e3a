"""The command `snnsearch report`, which writes a study as one page."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.commands.common import add_place, read_plan, read_study

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

    from search.spec.spec import Plan
    from snn.results.result import Result

NAME = "report"
EXAMPLES = """\
examples:
  snnsearch report my_study.py -o report.html
      one page without links to a network: open it in any browser, send it by mail
  snnsearch report my_study.py -o report.html --figures figures
      and its figures as figures/history.png, figures/front.png, ...
"""


def add(commands: Any) -> argparse.ArgumentParser:
    """Declare the command."""
    parser = commands.add_parser(
        NAME,
        help="the study as one page: figures, tables, the best network's script",
        description="Write a study as one HTML page that loads nothing. Its best network is run once more for its "
        "spikes and weights; the test part is not read. The study may be running.",
        epilog=EXAMPLES,
    )
    add_place(parser)
    parser.add_argument("-o", "--output", required=True, metavar="FILE", type=Path, help="where the page goes")
    parser.add_argument("--figures", metavar="DIR", type=Path, help="folder for the figures as PNG (made if absent)")
    return parser


def execute(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from search.analysis.confirmation import confirmed
    from search.analysis.summary import summarise
    from search.commands.common import output_path
    from search.report.figures.facts import gather
    from search.report.figures.index import draw_all
    from search.report.page import write_page
    from snn.system.paths import absolute

    output = output_path(arguments.output)
    figures = None if arguments.figures is None else absolute(arguments.figures)
    plan = read_plan(arguments)
    study = read_study(plan)
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
    facts = gather(plan, study)
    result, unable = _best_again(plan, study, facts.best)
    facts = replace(facts, result=result, unable=unable)
    drawings = draw_all(facts)
    summary = summarise(study, plan.location)
    known, command = confirmed(plan, study), _command(plan, arguments)
    page = write_page(plan, facts, summary, drawings, known, study.user_attrs, command)
    output.write_text(page, encoding="utf-8", errors="replace")  # a lone surrogate
    print(f"Report: {arguments.output}")
    if figures is not None:
        drawn = {drawing.name: drawing.png for drawing in drawings if drawing.png is not None}
        for name, png in drawn.items():
            (figures / f"{name}.png").write_bytes(png)
        print(f"Figures: {', '.join(drawn) or 'none'} in {arguments.figures}")
    return 0


def _command(plan: Plan, arguments: argparse.Namespace) -> str:
    from search.spec.command_line import place

    figures = [] if arguments.figures is None else ["--figures", str(arguments.figures)]
    return f"snnsearch report {place(plan)} {shlex.join(['-o', str(arguments.output), *figures])}"


def _best_again(plan: Plan, study: optuna.Study, best: FrozenTrial | None) -> tuple[Result | None, str]:
    """The best network run again with recorded spikes, without the test part; or why that cannot be."""
    from search.driver.finish import Finish
    from search.execution.local import ByBackend
    from snn.errors import SNNError

    if best is None:
        return None, ""
    runner = ByBackend(plan.task)
    try:
        return runner.run(Finish(plan, study, test=False).jobs(best)[0]), ""
    except SNNError as error:
        why = f"Trial {best.number} could not be run again: {plan.location.hide(str(error))}"
        print(f"snnsearch: {why}", file=sys.stderr)
        return None, why
    finally:
        runner.stop()
