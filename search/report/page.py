"""The report of a study: what stands on the page, in its order."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.analysis.tables import PER_SAMPLE, number, setting, valued
from search.analysis.trials import ended
from search.report import html
from search.report.figures.facts import NOTHING, Facts, words
from search.report.figures.index import Drawing
from search.report.script import python_script
from search.spec.command_line import options, place
from search.storage.attributes import GIVEN
from search.storage.record import COSTS, SCORES, Record

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from search.analysis.confirmation import Confirmation
    from search.analysis.summary import Summary
    from search.spec.spec import Plan

ROWS = 40  # of the table of best trials, if there is a front
TOP = 10  # if there is one objective
REASONS = 20
SHORT = {"slices": "Slices", "timeline": "Timeline", "raster": "Spikes", "weights": "Weights"}  # titles in links
MORE = 100  # trials that the command to go on asks for


def write_page(
    plan: Plan,
    facts: Facts,
    summary: Summary,
    drawings: Sequence[Drawing],
    confirmation: Confirmation | None,
    attributes: dict[str, Any],
    command: str,
) -> str:
    """The report as one HTML document that loads nothing.

    Parameters
    ----------
    plan : Plan
        The study as its script declares it.
    facts : Facts
        What was read of it.
    summary : Summary
        Its counts and its best.
    drawings : sequence of Drawing
        The figures.
    confirmation : Confirmation or None
        What `snnsearch confirm` has found, if it ran.
    attributes : dict
        The study's user attributes.
    command : str
        The command line that makes this page.
    """
    parts = [("best", "Best network", _best(facts, summary))]
    parts += [(d.name, SHORT.get(d.name, d.title), _figure(d)) for d in drawings]
    parts += [
        ("trials", "Best trials", _trials(facts)),
        ("confirmation", "Confirmation", _confirmation(plan, confirmation, summary.over)),
        ("failures", "Failures", _failures(plan, summary)),
        ("script", "Script", _script(plan, facts)),
        ("versions", "Versions", _versions(facts, command)),
    ]
    links = html.links((anchor, text) for anchor, text, _ in parts)
    body = [*_head(plan, facts, summary, attributes), links, *(line for *_, lines in parts for line in lines)]
    return html.page(f"{facts.name}: report", body)


def _head(plan: Plan, facts: Facts, summary: Summary, attributes: dict[str, Any]) -> list[str]:
    counts = summary.trials
    times = [t.datetime_start for t in facts.trials if t.datetime_start]
    times += [t.datetime_complete for t in facts.trials if t.datetime_complete]
    engine = attributes.get("engine", {"backend": plan.backend, "dtype": plan.dtype})
    rows: list[tuple[str, object]] = [
        ("task", plan.task.name),
        ("objectives", ", ".join(f"{axis.words} ({axis.better})" for axis in facts.axes)),
        ("trials", f"{counts['complete']} complete, {counts['pruned']} pruned, {counts['fail']} failed, "
                   f"{counts['running']} running"),
        *([("warm start", f"{facts.taken} trials of another study, not shown")] if facts.taken else []),
        ("searched", f"{summary.seconds:,.1f} s; programs built: {summary.builds}"),
        ("when", f"{min(times):%Y-%m-%d %H:%M:%S} to {max(times):%Y-%m-%d %H:%M:%S}" if times else "not begun"),
        ("runs on", f"{engine['backend']}, {engine['dtype']}, seed {attributes.get('seed', plan.seed)}"),
        ("stored in", summary.storage),
    ]  # fmt: skip
    return [html.title(facts.name), html.pairs(rows), *_go_on(plan, attributes.get(GIVEN, {}), ended(counts))]


def _go_on(plan: Plan, given: Mapping[str, Any], so_far: int) -> list[str]:
    """The command that goes on, with what the last run was given besides its script."""
    words = ["--trials", str(so_far + MORE), *options(given)]
    return [
        html.paragraph(f"To go on, with {MORE} more trials:"),
        html.code(f"snnsearch run {place(plan)} {shlex.join(words)}"),
    ]


def _best(facts: Facts, summary: Summary) -> list[str]:
    head = html.heading("Best network", "best")
    trial = facts.best
    if trial is None:
        return [head, html.paragraph(NOTHING, "missing")]
    known = {best.number: best.attrs for best in summary.best}
    attrs = known.get(trial.number) or Record(trial).attrs(None)  # a search that goes on may have a better one by now
    test = {name: attrs.get(name) for name in ("test_accuracy", "test_loss")}
    scores = {**{name: attrs.get(name) for name in SCORES}, **test}
    costs = {name: attrs.get(name) for name in PER_SAMPLE}
    more = {name: attrs.get(name) for name in COSTS if name not in PER_SAMPLE}
    values = [(axis.words, shown) for axis, shown in zip(facts.axes, valued(trial), strict=True)]
    kept = [(name, f"broken by {number(by)}" if by > 0 else "kept") for name, by in trial.constraints.items()]
    tables = [
        html.column(html.pairs(values, "Objectives"), html.pairs(kept, "Constraints")),
        html.pairs(_numbers(scores), "Scores"),
        html.column(html.pairs(_numbers(costs), "Costs per sample"), html.pairs(_numbers(more), "Network")),
        html.pairs([(name, setting(trial.params, name)) for name in trial.params], "Parameters"),
    ]
    said = f"Trial {trial.number}{_among(facts)}."
    if all(value is None for value in test.values()):
        said += " The test part is scored when the search is over."
    return [head, html.paragraph(said), f'<div class="beside">{"".join(tables)}</div>']


def _among(facts: Facts) -> str:
    """What makes the best trial the best."""
    if not facts.feasible.any():
        return ", which breaks the constraints least: no trial keeps to all of them"
    if len(facts.axes) == 1:
        return ""
    return f", the best by {facts.axes[0].words} of the {len(facts.front)} on the Pareto front"


def _numbers(values: dict[str, Any]) -> list[tuple[str, object]]:
    return [(words(name), number(value)) for name, value in values.items() if value is not None]


def _figure(drawing: Drawing) -> list[str]:
    head = html.heading(drawing.title, drawing.name)
    if drawing.png is None:
        return [head, html.paragraph(drawing.words, "missing")]
    return [head, html.image(drawing.png, drawing.words)]


def _trials(facts: Facts) -> list[str]:
    several = len(facts.axes) > 1
    shown = list(facts.front)[:ROWS] if several else facts.ranked[:TOP]
    head = html.heading("Best trials", "trials")
    if not shown:
        return [head, html.paragraph(NOTHING, "missing")]
    if not facts.feasible.any():
        said = f"No trial keeps to all constraints; {len(shown)} that break them least."
    elif several:
        said = f"The Pareto front, {len(shown)} of {len(facts.front)} trials, the best by {facts.axes[0].words} first."
    else:
        said = f"The best {len(shown)} of {len(facts.complete)} complete trials."
    if any("±" in cell for trial in shown for cell in valued(trial)):
        said += " ± is the standard deviation over the replicates of a trial."
    names = [axis.name for axis in facts.axes]
    extra = [name for name in (*SCORES, *COSTS) if name not in names and _known(shown, name)]
    params = list(dict.fromkeys(name for trial in shown for name in trial.params))
    same = any("same_as" in Record(trial).result for trial in shown)
    rows = []
    for trial in shown:
        result = Record(trial).result
        cells = [str(trial.number), *valued(trial), *(number(result.get(name)) for name in extra)]
        cells += [number(result.get("same_as"))] if same else []
        rows.append(cells + [setting(trial.params, name) for name in params])
    ours = ["trial", *names, *extra, *(["same_as"] if same else [])]
    headings = [*map(words, ours), *params]
    return [head, html.paragraph(said), html.table(headings, rows)]


def _known(trials: Sequence[FrozenTrial], name: str) -> bool:
    return any(Record(trial).result.get(name) is not None for trial in trials)


def _confirmation(plan: Plan, confirmation: Confirmation | None, over: bool) -> list[str]:
    head = html.heading("Confirmation on fresh seeds", "confirmation")
    if confirmation is None:
        why = "What a search selects has been flattered by chance; fresh seeds and the test part have not been run."
        command = html.code(f"snnsearch confirm {place(plan)} --top 5 --seeds 10")
        return [head, html.paragraph(why, "missing"), command]
    if not over:
        later = "The search has gone on since networks were confirmed; their scores are shown when it is over again."
        return [head, html.paragraph(later, "missing")]
    return [head, html.table(*confirmation.columns()), html.paragraph(confirmation.curse())]


def _failures(plan: Plan, summary: Summary) -> list[str]:
    head = html.heading("Failures", "failures")
    if not summary.reasons:
        return [head, html.paragraph("No trial has failed.", "missing")]
    rows = [
        f"<tr><td>{times} ×</td><td>{html.code(plan.location.hide(reason), 'wrap')}</td></tr>"
        for reason, times in summary.reasons[:REASONS]
    ]
    left = len(summary.reasons) - REASONS
    more = [html.paragraph(f"{left} more reasons are not shown.")] if left > 0 else []
    return [head, f"<table><tbody>{''.join(rows)}</tbody></table>", *more]


def _script(plan: Plan, facts: Facts) -> list[str]:
    head = html.heading("Script of the best network", "script")
    trial = facts.best
    if trial is None:
        return [head, html.paragraph(NOTHING, "missing")]
    if Record(trial).network is None:
        return [head, html.paragraph(f"Trial {trial.number} has no stored network.", "missing")]
    script, what = python_script(plan, trial)
    return [head, html.paragraph(what), html.code(script, "script")]


def _versions(facts: Facts, command: str) -> list[str]:
    from snn.system.versions import versions

    ran = Record(facts.best).result.get("versions", {}) if facts.best else {}
    tables = [html.pairs(versions().items(), "This page was made with")]
    if ran:
        tables.insert(0, html.pairs(ran.items(), "The best network ran with"))
    return [
        html.heading("Versions and command", "versions"),
        f'<div class="beside">{"".join(tables)}</div>',
        html.paragraph("This page:"),
        html.code(command),
    ]
