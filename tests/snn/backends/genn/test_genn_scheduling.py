"""When actions run on GeNN: in another order than the plan's, and yet nobody reads anything else."""

import random
from collections import defaultdict

import pytest

from snn.backends.genn.fitting.action import Action
from snn.backends.genn.fitting.scheduling import place
from snn.lowering.plan.schedule import FIRST, LAST, STEP

STEPS, SAMPLES = 4, 3
WAYS = {"ab": ("a", "b"), "ba": ("b", "a"), "aa": ("a", "a")}  # synapses: from where, and to where


def neurons(block, reads="", writes="", when=STEP):
    return Action(block, "", (), (0, 0, ""), names(block, reads), names(block, writes), when=when)


def synapses(block, reads="", writes="", received=None, when=STEP):
    return Action(block, "", (), (0, 0, ""), frozenset(reads.split()), names(block, writes), True, when, received)


def names(block, variables):
    return frozenset(f"{block}.{name}" for name in variables.split())


def lags(actions):
    """Lags in the order of the actions, what is received beside what is sent; and the rounds of a step."""
    order = place(actions)
    found = {id(item.action): item.lag for item in order.placed}
    return [found[id(one)] for action in actions for one in (action, action.received) if one], order.rounds


Y, E = neurons("b", "", "y"), neurons("a", "", "e")  # how one population hears of the other


def past(actions):
    return {item.action.block: item.past for item in place(actions).placed if item.past}


def test_what_depends_on_other_neurons_is_a_round_behind():
    sent = synapses("ab", "a.z", received=neurons("b", "v", "v"))
    assert lags([neurons("a", "", "z"), sent, neurons("b", "v", "y"), neurons("a", "z", "x")]) == ([0, 1, 1, 1, 0], 1)


def test_synapses_read_what_neurons_have_changed_since_from_a_copy():
    """An error comes back after two ways through synapses, while the trace that it is for has gone on."""
    there, back = synapses("ab", "a.z", received=Y), synapses("ba", "b.y", received=E)
    actions = [neurons("a", "x", "x z"), there, back, synapses("aa", "a.x a.e", "g")]
    assert lags(actions) == ([0, 1, 1, 2, 2, 3], 1)
    assert past(actions) == {"aa": {"a.x": 2}}


def test_weights_that_change_in_every_step_by_what_they_send_take_more_rounds():
    there, back = synapses("ab", "a.z ab.w", received=Y), synapses("ba", "b.y", received=E)
    learned = neurons("b", "y", "u")
    assert lags([neurons("a", "", "z"), there, learned, synapses("ab", "ab.w b.u", "w")]) == ([0, 1, 1, 1, 2], 1)
    actions = [neurons("a", "", "z"), there, back, synapses("ab", "ab.w a.e", "w")]
    assert lags(actions) == ([0, 1, 1, 2, 2, 3], 2)


def test_what_is_changed_in_a_samples_last_step_is_there_in_the_next_ones_first():
    there, back = synapses("ab", "a.z ab.w", received=Y), synapses("ba", "b.y", received=E)
    actions = [neurons("a", "", "z"), there, back, synapses("ab", "ab.w a.e", "w", when=LAST)]
    assert lags(actions)[1] == 1


def test_synapses_send_one_thing_a_round():
    found, rounds = lags([synapses("ab", "a.x", received=neurons("b", "", name)) for name in "xy"])
    assert rounds == 2 and found[0] % 2 != found[2] % 2


# ---- the same values, read by the same actions


def invented(seed):
    """Actions of two populations and the synapses between them, at random."""
    draw = random.Random(seed)

    def some(block):
        return " ".join(draw.sample("uvxyz", draw.randint(0, 2)))

    def seen(block):
        ends = {f"{side}.{name}" for side in WAYS[block] for name in "uvxyz"}
        return " ".join(draw.sample(sorted(ends | {f"{block}.g", f"{block}.w"}), draw.randint(1, 3)))

    actions = []
    for _ in range(draw.randint(4, 14)):
        when = draw.choices((STEP, FIRST, LAST), (6, 1, 1))[0]
        kind, block = draw.choice("nsr"), draw.choice(list(WAYS))
        if kind == "n":
            block = draw.choice("ab")
            actions.append(neurons(block, some(block), draw.choice("uvxyz"), when))
        elif kind == "s":
            actions.append(synapses(block, seen(block), draw.choice("gw"), when=when))
        else:
            variable = draw.choice("uvxyz")
            taken = neurons(WAYS[block][1], draw.choice(["", variable]), variable, when)
            actions.append(synapses(block, seen(block), received=taken, when=when))
    return actions


class Numbers:
    """Values, each a number for what it was made of; and what every action has read in every step."""

    def __init__(self):
        self.read, self.inbox = {}, {}

    def run(self, place_, action, sample, step, value):
        """Run an action; returns what it writes, by name."""
        if {FIRST: step == 0, LAST: step == STEPS - 1, STEP: True}[action.when]:
            values = tuple(value(name) for name in sorted(action.reads))
            values += (self.inbox.get(action.block),) if action.block in "ab" else ()
            self.read[sample, step, place_] = values
            made = hash((place_, values))
            return dict.fromkeys(action.writes, made) | ({"sent": made} if action.received else {})
        return {}


def in_order(flat):
    """A run in the plan's own order."""
    numbers, state = Numbers(), defaultdict(int)
    for sample in range(SAMPLES):
        for step in range(STEPS):
            for number, action in enumerate(flat):
                wrote = numbers.run(number, action, sample, step, state.__getitem__)
                numbers.inbox = {flat[number + 1].block: wrote["sent"]} if "sent" in wrote else {}
                state |= wrote
    return numbers.read


def round_by_round(flat, order):
    """A run as on GeNN: in each round all synapses, which see the neurons as they were left, and then all neurons."""
    numbers, ages = Numbers(), [defaultdict(int)]  # the neurons' variables at the end of every round
    number_of = {id(action): number for number, action in enumerate(flat)}
    own = {}  # the synapses'
    length = order.rounds * (STEPS + order.behind)
    for now in range(SAMPLES * length):
        sample, within = divmod(now, length)
        state, inboxes = ages[-1].copy(), {}
        for synaptic in (True, False):
            for item in order.placed:
                step, other = divmod(within - item.lag, order.rounds)
                if item.action.synaptic != synaptic or other or not 0 <= step < STEPS:
                    continue
                number = number_of[id(item.action)]

                def value(name, item=item, state=state):
                    age = item.past.get(name, 0)
                    if age:
                        return ages[max(0, len(ages) - 1 - age + (not item.action.synaptic))][name]
                    return own[name] if name in own else state[name]

                received = not synaptic and flat[number - 1].received is item.action
                numbers.inbox = {item.action.block: inboxes.pop(number)} if received and number in inboxes else {}
                wrote = numbers.run(number, item.action, sample, step, value)
                if "sent" in wrote:
                    assert not any(flat[other - 1].block == item.action.block for other in inboxes)
                    inboxes[number + 1] = wrote.pop("sent")
                (own if synaptic else state).update(wrote)
        ages.append(state)
    return numbers.read


REMEMBERING = (856, 1553, 1583, 1988, 2352, 2484)  # seeds with which neurons read copies of their own variables


@pytest.mark.parametrize("seed", [*range(300), *REMEMBERING])
def test_every_action_reads_what_it_reads_in_order(seed):
    actions = invented(seed)
    flat = [one for action in actions for one in (action, action.received) if one]
    order = place(actions)
    expected, given = in_order(flat), round_by_round(flat, order)
    assert given == expected
    if seed in REMEMBERING:
        assert any(item.past and not item.action.synaptic for item in order.placed)
