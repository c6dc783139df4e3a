"""A task's data are checked once: what can be read is read as it is meant, all else is one sentence."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from brian2 import Hz, ms, nA

from snn import Analog, Poisson, Regular, Signal, SNNError, SpikeTrains
from snn.errors import DataError, NetworkError
from snn.serial import serialisable
from snn.values import ROUNDING, Values
from tasks import Data, Drawn, Split
from tests.support.choices import COMPILED
from tests.support.given import CLASSES, LABELS, VALUES, WIDTH, Handed, N, given, learner

ALL = np.arange(N)


def problems(task) -> tuple[str, ...]:
    with pytest.raises(DataError) as error:
        _ = task.data
    return error.value.problems


@serialisable
@dataclass(frozen=True)
class LooksAtItsData(Handed):
    """Splits by its labels, wrongly: each sample with label 1 twice."""

    def split(self, n):
        (ones,) = np.nonzero(self.data.labels == 1)
        return Split(np.concatenate([ones, ones]), [], [])


class Unreadable:
    """Such as a tensor that lies on another device."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("not here")


# ---- what is read --------------------------------------------------------------------------------------------------

SAME_LABELS = {
    "column": LABELS[:, None],
    "list": LABELS.tolist(),
    "column of a list": LABELS[:, None].tolist(),
    "whole floats": LABELS.astype(float),
    "bytes": LABELS.astype(np.uint8),
    "objects": LABELS.astype(object),
    "objects in a column": LABELS.astype(object)[:, None],
    "big-endian": LABELS.astype(">i4"),
    "masked, nothing hidden": np.ma.masked_array(LABELS),
}


@pytest.mark.parametrize("labels", SAME_LABELS.values(), ids=SAME_LABELS)
def test_labels_are_whole_numbers_of_one_dimension_however_they_are_given(labels):
    data = given(labels=labels).data
    assert data.labels.dtype == np.int64 and data.labels.shape == (N,)
    np.testing.assert_array_equal(data.labels, LABELS)


def test_boolean_labels_are_two_classes():
    np.testing.assert_array_equal(given(labels=LABELS > 0, classes=2).data.labels, (LABELS > 0).astype(int))


@pytest.mark.slow
@pytest.mark.parametrize("backend", COMPILED)
def test_labels_in_a_column_score_as_flat_ones(backend):
    flat, other = (
        given(labels=labels, sample=4 * ms, cut=lambda n: Split.cut(ALL[:9], [5, 2, 2])).run(
            learner(), seed=2, backend=backend, dtype="float64", test=True
        )
        for labels in (LABELS, LABELS[:, None].astype(float))
    )
    for part in ("stream", "validation", "test"):
        a, b = getattr(flat, part), getattr(other, part)
        np.testing.assert_array_equal(a.predictions, b.predictions)
        np.testing.assert_array_equal(a.labels, b.labels)
        np.testing.assert_array_equal(a.losses, b.losses)
    assert flat.accuracy == other.accuracy and flat.prequential_curve().shape == other.prequential_curve().shape


SAME_VALUES = {
    "list": VALUES.tolist(),
    "objects": VALUES.astype(object),
    "Fortran order": np.asfortranarray(VALUES),
    "every second column": np.repeat(VALUES, 2, axis=1)[:, ::2],
    "big-endian": VALUES.astype(">f8"),
    "fractions": np.array([[Fraction(v) for v in row] for row in VALUES], dtype=object),
}


@pytest.mark.parametrize("values", SAME_VALUES.values(), ids=SAME_VALUES)
def test_values_are_numbers_however_they_are_given(values):
    data = given(values).data
    assert data.values.dtype.kind == "f"
    np.testing.assert_array_equal(np.asarray(data.values, float), VALUES)


def test_classes_may_be_a_whole_float():
    assert given(classes=3.0).data.classes == 3 and isinstance(given(classes=3.0).data.classes, int)
    assert given(classes=np.int8(3)).data.classes == 3


def test_learn_may_be_numbers_or_a_column():
    learn = np.arange(N) % 2 == 0
    for form in (learn, learn.astype(int), learn[:, None], learn.tolist(), learn.astype(object)):
        np.testing.assert_array_equal(given(learn=form).data.learn, learn)


def test_nothing_is_copied_and_the_users_arrays_stay_changeable():
    values = VALUES.copy()
    data = given(values).data
    assert np.shares_memory(data.values, values) and not data.values.flags.writeable and values.flags.writeable
    assert not data.labels.flags.writeable and not given().parts.stream.flags.writeable


def test_data_are_read_and_checked_once():
    task = given()
    for seed in (1, 2):
        task.run(learner(), seed=seed)
    assert len(task.loads) == 1


# ---- what is refused -----------------------------------------------------------------------------------------------

one_nan, one_inf = VALUES.copy(), VALUES.copy()
one_nan[7, 2], one_inf[19, 5] = np.nan, -np.inf
hidden = np.ma.masked_array(VALUES, mask=VALUES > 2)
hidden[3, 1] = np.ma.masked
SIGNAL = {"target": np.ones((N, 10, 1))}

REFUSED = {
    "one-hot": ({"labels": np.eye(3)[LABELS]}, "shape (20, 3); give one class a sample; of one-hot rows write"),
    "text": ({"labels": LABELS.astype(str)}, "such as '0'; write classes, labels = np.unique(labels, return_inverse"),
    "objects of text": ({"labels": np.array(list("abcd") * 5, object)}, "are text such as 'a'; write classes, labels"),
    "bytes of text": ({"labels": LABELS.astype("S1")}, "are text such as b'0'"),
    "from 1": ({"labels": LABELS + 1}, "from 0 to classes - 1 = 2, but [2] is 3; labels begin at 0: write labels - 1."),
    "from -1": ({"labels": LABELS - 1}, "but [0] is -1; labels begin at 0: write labels + 1."),
    "too many": ({"classes": 2}, "0 to classes - 1 = 1, but [2] is 2; labels begin at 0; or give classes=3."),
    "not whole": ({"labels": LABELS + 0.5}, "whole numbers, but [0] is 0.5; round them."),
    "unknown label": ({"labels": np.where(LABELS == 1, np.nan, LABELS)}, "finite, but [1] is nan"),
    "no label": ({"labels": np.array([None] * N)}, "must be an array of numbers, but is an array of objects"),
    "huge": ({"labels": LABELS.astype(float) * 1e30}, "below 2**63, but [1] is 1e+30"),
    "a row": ({"labels": LABELS[None, :]}, "but are of shape (1, 20); write .ravel()"),
    "drawn labels": ({"labels": Drawn((10**9,), lambda rows: 1 / 0)}, "must be an array, but is Drawn"),
    "few labels": ({"labels": LABELS[:5]}, "one for each of the 20 samples, but there are 5"),
    "no classes": ({"classes": None}, "must be a whole number of at least 1, but is None; give classes=3"),
    "0 classes": ({"classes": 0}, "but is 0"),
    "-3 classes": ({"classes": -3}, "but is -3"),
    "2.5 classes": ({"classes": 2.5}, "but is 2.5"),
    "nan classes": ({"classes": np.nan}, "but is nan"),
    "names of classes": ({"classes": ["a", "b", "c"]}, "but is ['a', 'b', 'c']"),
    "nan": ({"values": one_nan}, "`values` of Handed must be finite, but [7, 2] is nan"),
    "inf": ({"values": one_inf}, "`values` of Handed must be finite, but [19, 5] is -inf"),
    "complex": ({"values": VALUES * 1j}, "must be real numbers, but are complex; take .real"),
    "values as text": ({"values": VALUES.astype(str)}, "convert them by .astype(float)"),
    "ragged": ({"values": [[0.1], [0.1, 0.2]]}, "but rows differ in length"),
    "masked": ({"values": hidden}, "[3, 1] is masked"),
    "with a unit": ({"values": VALUES * nA}, "must be plain numbers, but have the unit nA; divide by it"),
    "dates": ({"values": np.zeros((N, 1), "datetime64[s]")}, "but is an array of datetime64[s]"),
    "cannot be read": ({"values": Unreadable()}, "but NumPy cannot read this Unreadable, not here; make"),
    "a generator": ({"values": (row for row in VALUES)}, "must be an array of numbers, but is a generator"),
    "None": ({"values": None}, "`values` of Handed must be an array of numbers, but is None"),
    "one dimension": ({"values": VALUES[:, 0]}, "but are of shape (20,); write values[:, None]"),
    "images with channels": ({"values": np.zeros((N, 2, 3, 1))}, "write values.reshape(len(values), -1)"),
    "no samples": ({"values": VALUES[:0], "labels": LABELS[:0]}, "at least one sample, but are of shape (0, 6)"),
    "short learn": ({"learn": np.ones(3, bool)}, "must be one for each of the 20 samples, but there are 3"),
    "learn as indices": ({"learn": np.arange(N)}, "True or False, but [2] is 2; of indices write np.isin"),
    "signal of one sample": ({"signals": {"target": np.ones(10)}}, "shape (10,); of a signal that all samples share"),
    "signal with nan": ({"signals": {"reward": np.full(N, np.nan)}}, "'reward' of Handed must be finite, but [0] is"),
    "values twice": ({"signals": {"values": VALUES}}, "'values', which the data have already; rename it"),
    "label twice": ({"signals": {"label": LABELS}}, "'label', which the data have already; rename it"),
    "name with a space": ({"signals": {"my reward": np.ones(N)}}, "a plain word as its name, but one has 'my reward'"),
    "list of signals": ({"signals": [np.ones(N)]}, "must map names to arrays"),
    "other steps": (
        {"values": np.zeros((N, 9, 2)), "signals": SIGNAL},
        "must have as many steps, but 'values' has 9, 'target' has 10",
    ),
    "drawn from a list": ({"values": Drawn([N, 3], lambda rows: rows)}, "shape of whole numbers, but it is [20, 3]"),
    "drawn by nothing": ({"values": Drawn((N, 3), None)}, "but `draw` is None"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED)
def test_each_fault_is_one_sentence_with_rule_value_and_remedy(change, words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (problem,) = problems(given(**change, cut=lambda n: Split.cut(np.arange(n), [n, 0, 0])))
    assert words in problem and problem.endswith(".")


@pytest.mark.parametrize(
    "returned", [None, (VALUES, LABELS), {"values": VALUES}, VALUES], ids=lambda x: type(x).__name__
)
def test_a_load_that_returns_something_else_is_refused_by_name(returned):
    (problem,) = problems(Handed(make=lambda: returned))
    assert re.match("`load` of Handed must return tasks.Data, but returned (None|a tuple|a dict|a ndarray); ", problem)
    assert "write `return Data(values, labels, classes)`" in problem


def test_a_load_that_fails_says_where():
    task = Handed(make=lambda: open("/nowhere/digits.csv"))  # noqa: SIM115
    (problem,) = problems(task)
    assert re.match(
        r"`load` of Handed failed in line \d+ of .*given\.py: FileNotFoundError: .*/nowhere/digits.csv", problem
    )


def test_all_problems_are_told_at_once():
    """Those of the split too, whether or not it looks at the data itself."""
    task = given(one_nan, LABELS + 1, learn=[True], signals={"a b": 1, "cue": np.ones(3)}, cut=lambda n: [0, 1, 2])
    assert [text.split(" of Handed")[0] for text in problems(task)] == [
        "`values`", "`labels`", "`learn`", "A signal", "The signal 'cue'", "`split`",
    ]  # fmt: skip
    task = LooksAtItsData(make=lambda: Data(VALUES, LABELS + 1, CLASSES))
    assert [text.split(" of Looks")[0] for text in problems(task)] == ["`labels`", "`stream`"]
    assert len(task.loads) == 1


def test_a_search_refuses_data_before_its_first_trial(tmp_path):
    from search import Study

    def network(trial):
        raise AssertionError("no trial may begin")

    task = given(np.zeros((N, 10, WIDTH)), None, None, signals={"target": np.ones(10)})
    study = Study(network, task, ["loss"], storage=tmp_path / "s.journal", name="s")
    with pytest.raises(SNNError, match=r"one row for each of the 20 samples"):
        study.run(trials=3, workers=1)
    assert not (tmp_path / "s.journal").exists()


# ---- the range is that of the inputs -------------------------------------------------------------------------------

PIXELS = (VALUES * 255).astype(np.uint8)
RANGES = {
    "pixels": (PIXELS, Poisson, "between 0 and 1 for Poisson inputs, but [0, 0] is", "divide them by 255"),
    "float pixels": (VALUES * 255, Regular, "for Regular inputs", "divide them by their maximum, values.max()"),
    "scores": ((VALUES - 0.5) / 0.2, Poisson, "and they go from -2.4", "or inputs=Analog(n), which takes any"),
    "rates as spikes": (
        np.repeat(VALUES[:, None], 10, axis=1), SpikeTrains, "must be 0 or 1 for SpikeTrains inputs", "values > 0.5",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("values", "inputs", "words", "remedy"), RANGES.values(), ids=RANGES)
def test_values_that_the_inputs_cannot_encode_are_refused(values, inputs, words, remedy):
    task = given(values)
    with pytest.raises(NetworkError) as error:
        task.run(learner(inputs(WIDTH)))
    (problem,) = error.value.problems
    assert words in problem and remedy in problem


def test_rounding_is_no_fault():
    """Scaling by a minimum and a maximum gives 1.0000000000000002 at times."""
    values = np.where(VALUES > 0.5, 1 + ROUNDING / 2, -ROUNDING / 2)
    given(values).run(learner())
    with pytest.raises(NetworkError, match="must be between 0 and 1"):
        given(values * 3).run(learner())


@pytest.mark.slow
def test_any_finite_numbers_are_currents_and_signals():
    net = learner(Analog(WIDTH))
    net.population("extra", learner().freeze().populations[0].model, n=WIDTH)
    net.drive("extra", Signal("values"), gain=0.1)
    net.drive("extra", Signal("offset"), gain=0.1)
    task = given(VALUES * 100 - 50, signals={"offset": np.linspace(-9, 9, N)}, sample=2 * ms)
    assert task.run(net, backend="runtime").stream.losses.shape == (12,)


def test_the_range_is_looked_for_once_for_each_kind_of_inputs(monkeypatch):
    calls = []
    outside = Values.outside
    monkeypatch.setattr(Values, "outside", lambda self, values: calls.append(self) or outside(self, values))
    task = given((VALUES > 0.5).astype(float))
    for _ in range(3):
        task.run(learner())
        task.run(learner(Poisson(WIDTH, rate=10 * Hz)))
        assert task.data.first_outside(Values.SPIKES) is None
    assert calls == [Values.UNIT, Values.SPIKES]


# ---- arrays that are drawn -----------------------------------------------------------------------------------------


def drawn(draw):
    return given(Drawn((N, WIDTH), draw))


def spoilt(value):
    def draw(rows):
        values = VALUES[rows]
        values[rows == 9, 4] = value
        return values

    return draw


@pytest.mark.parametrize(("draw", "words"), [
    (lambda rows: np.zeros((1, 1)), "must be of shape (1, 6) for 1 rows, but `draw` returned the shape (1, 1)"),
    (lambda rows: None, "must be an array of numbers, but is None"),
    (lambda rows: VALUES[rows].astype(str), "must be numbers, but are text"),
    (spoilt(np.nan), "must be finite, but [9, 4] is nan"),
    (spoilt(1.5), "must be between 0 and 1 for the network's inputs, but [9, 4] is 1.5; correct `draw`"),
], ids=["shape", "None", "text", "nan", "range"])  # fmt: skip
def test_drawn_rows_are_checked_as_they_are_drawn(draw, words):
    with pytest.raises(DataError, match=re.escape(words)):
        drawn(draw).run(learner(), test=True)


def test_a_draw_may_change_the_rows_that_it_gets():
    def draw(rows):
        values = VALUES[rows]
        rows[:] = 0
        return values

    a, b = (task.run(learner()) for task in (given(), drawn(draw)))
    np.testing.assert_array_equal(a.stream.losses, b.stream.losses)
    np.testing.assert_array_equal(a.validation.labels, b.validation.labels)


def test_drawn_arrays_are_never_made_whole():
    asked = []
    task = given(
        Drawn((10**9, WIDTH), lambda rows: asked.append(len(rows)) or np.zeros((len(rows), WIDTH))), None, None
    )
    assert len(task.data) == 10**9 and asked == []
