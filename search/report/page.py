"""The sections of a report, in the order of the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.analysis.tables import PER_SAMPLE, number, setting, valued
from search.analysis.trials import ended
from search.report.figures.facts import NOTHING, Facts, words
from search.report.figures.index import Drawing
from search.report.script import python_script
from search.report.sections import Command, Image, Numbers, Pairs, Section, render
from search.spec.command_line import options, place
from search.storage.attributes import GIVEN
from search.storage.record import COSTS, SCORES, Record
from snn.system.versions import versions

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
    sections = [
        _best(facts, summary),
        *map(_figure, drawings),
        _trials(facts),
        _confirmation(plan, confirmation, summary.over),
        _failures(plan, summary),
        _script(plan, facts),
        _versions(facts, command),
    ]
    go_on = _go_on(plan, attributes.get(GIVEN, {}), ended(summary.trials))
    return render(facts.name, _head(plan, facts, summary, attributes), go_on, sections)


def _head(plan: Plan, facts: Facts, summary: Summary, attributes: dict[str, Any]) -> Pairs:
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
    return Pairs(rows)


def _go_on(plan: Plan, given: Mapping[str, Any], so_far: int) -> Command:
    """The command that goes on, with what the last run was given besides its script."""
    words = ["--trials", str(so_far + MORE), *options(given)]
    return Command(f"To go on, with {MORE} more trials:", f"snnsearch run {place(plan)} {shlex.join(words)}")


def _best(facts: Facts, summary: Summary) -> Section:
    trial = facts.best
    if trial is None:
        return Section("best", "Best network", missing=NOTHING)
    known = {best.number: best.attrs for best in summary.best}
    attrs = known.get(trial.number) or Record(trial).attrs(None)  # a search that goes on may have a better one by now
    test = {name: attrs.get(name) for name in ("test_accuracy", "test_loss")}
    scores = {**{name: attrs.get(name) for name in SCORES}, **test}
    costs = {name: attrs.get(name) for name in PER_SAMPLE}
    more = {name: attrs.get(name) for name in COSTS if name not in PER_SAMPLE}
    values = [(axis.words, shown) for axis, shown in zip(facts.axes, valued(trial), strict=True)]
    kept = [(name, f"broken by {number(by)}" if by > 0 else "kept") for name, by in trial.constraints.items()]
    tables: list[Pairs | list[Pairs]] = [
        [Pairs(values, "Objectives"), Pairs(kept, "Constraints")],
        Pairs(_numbers(scores), "Scores"),
        [Pairs(_numbers(costs), "Costs per sample"), Pairs(_numbers(more), "Network")],
        Pairs([(name, setting(trial.params, name)) for name in trial.params], "Parameters"),
    ]
    text = f"Trial {trial.number}{_among(facts)}."
    if all(value is None for value in test.values()):
        text += " The test part is scored when the search is over."
    return Section("best", "Best network", text=text, tables=tables)


def _among(facts: Facts) -> str:
    """Describe the rank of the best trial."""
    if not facts.feasible.any():
        return ", which breaks the constraints least: no trial keeps to all of them"
    if len(facts.axes) == 1:
        return ""
    return f", the best by {facts.axes[0].words} of the {len(facts.front)} on the Pareto front"


def _numbers(values: dict[str, Any]) -> list[tuple[str, object]]:
    return [(words(name), number(value)) for name, value in values.items() if value is not None]


def _figure(drawing: Drawing) -> Section:
    short = SHORT.get(drawing.name, "")
    if drawing.png is None:
        return Section(drawing.name, drawing.title, short, missing=drawing.words)
    return Section(drawing.name, drawing.title, short, image=Image(drawing.png, drawing.words))


def _trials(facts: Facts) -> Section:
    several = len(facts.axes) > 1
    shown = list(facts.front)[:ROWS] if several else facts.ranked[:TOP]
    if not shown:
        return Section("trials", "Best trials", missing=NOTHING)
    if not facts.feasible.any():
        text = f"No trial keeps to all constraints; {len(shown)} that break them least."
    elif several:
        text = f"The Pareto front, {len(shown)} of {len(facts.front)} trials, the best by {facts.axes[0].words} first."
    else:
        text = f"The best {len(shown)} of {len(facts.complete)} complete trials."
    if any("±" in cell for trial in shown for cell in valued(trial)):
        text += " ± is the standard deviation over the replicates of a trial."
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
    return Section("trials", "Best trials", text=text, numbers=Numbers(headings, rows))


def _known(trials: Sequence[FrozenTrial], name: str) -> bool:
    return any(Record(trial).result.get(name) is not None for trial in trials)


def _confirmation(plan: Plan, confirmation: Confirmation | None, over: bool) -> Section:
    heading: dict[str, Any] = {"anchor": "confirmation", "title": "Confirmation on fresh seeds"}
    heading["short"] = "Confirmation"
    if confirmation is None:
        why = "What a search selects has been flattered by chance; fresh seeds and the test part have not been run."
        return Section(**heading, missing=why, code=f"snnsearch confirm {place(plan)} --top 5 --seeds 10")
    if not over:
        later = "The search has gone on since networks were confirmed; their scores are shown when it is over again."
        return Section(**heading, missing=later)
    return Section(**heading, numbers=Numbers(*confirmation.columns()), after=confirmation.curse())


def _failures(plan: Plan, summary: Summary) -> Section:
    if not summary.reasons:
        return Section("failures", "Failures", missing="No trial has failed.")
    reasons = [(plan.location.hide(reason), times) for reason, times in summary.reasons[:REASONS]]
    left = len(summary.reasons) - REASONS
    after = f"{left} more reasons are not shown." if left > 0 else ""
    return Section("failures", "Failures", reasons=reasons, after=after)


def _script(plan: Plan, facts: Facts) -> Section:
    heading: dict[str, Any] = {"anchor": "script", "title": "Script of the best network", "short": "Script"}
    trial = facts.best
    if trial is None:
        return Section(**heading, missing=NOTHING)
    if Record(trial).network is None:
        return Section(**heading, missing=f"Trial {trial.number} has no stored network.")
    script, text = python_script(plan, trial)
    return Section(**heading, text=text, code=script, code_kind="script")


def _versions(facts: Facts, command: str) -> Section:
    ran = Record(facts.best).result.get("versions", {}) if facts.best else {}
    tables = [Pairs(list(ran.items()), "The best network ran with")] if ran else []
    tables.append(Pairs(list(versions().items()), "This page was made with"))
    heading: dict[str, Any] = {"anchor": "versions", "title": "Versions and command", "short": "Versions"}
    return Section(**heading, tables=tables, after="This page:", code=command)
