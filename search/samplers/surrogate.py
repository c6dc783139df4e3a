"""The forest, which predicts the mean and the uncertainty of each candidate."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from search.samplers.candidates import Patterns, move, spread, vary
from search.samplers.space import Space

TREES = 64
LEAF = 2  # trials in a leaf, at least: scores are noisy
TOP = 0.999  # below 1, so that the best trial's target is finite
POOL = 1024  # random candidates, and as many again from good trials
ELITE = 32  # trials that candidates are made from
LEADERS = 3  # and the best so many of each category, lest the search forget it
ROUNDS = 2  # times that the candidates that look best are moved on
NEAR = 0.01  # suggestions differ in some parameter by this share of its range


@dataclass(frozen=True)
class Batch:
    """Scored candidates.

    Parameters
    ----------
    space : Space
        Of the rows.
    rows : array of shape (candidates, parameters)
        Where they are.
    features : array of shape (candidates, features)
        As the forest sees them.
    values : array of shape (trees, candidates, objectives)
        What each tree expects.
    deviation : array of shape (candidates, objectives)
        How much the trees differ.
    leaves : array of shape (candidates, trees)
        The leaf of each tree that it falls into.
    elite : array of shape (n, parameters)
        The trials that were best when this was made, the best first.
    seconds : float
        CPU that it took.
    """

    space: Space
    rows: np.ndarray
    features: np.ndarray
    values: np.ndarray
    deviation: np.ndarray
    leaves: np.ndarray
    elite: np.ndarray
    seconds: float


class Forest:
    """Extremely randomised trees.

    Parameters
    ----------
    features : array of shape (trials, features)
        Where trials lie.
    wanted : array of shape (trials, objectives)
        How good they are.
    seed : int
        Of the trees.
    """

    def __init__(self, features: np.ndarray, wanted: np.ndarray, seed: int):
        from sklearn.ensemble import ExtraTreesRegressor

        forest = ExtraTreesRegressor(TREES, min_samples_leaf=LEAF, random_state=seed)
        forest.fit(features, wanted if wanted.shape[1] > 1 else wanted.ravel())
        self._trees = [tree.tree_ for tree in forest.estimators_]

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Predict each objective: the value of each tree, their spread, and the leaf in each tree."""
        leaves = np.column_stack([tree.apply(features) for tree in self._trees]).astype(np.int32)
        values = np.stack([tree.value[leaves[:, k], :, 0] for k, tree in enumerate(self._trees)])
        return values, values.std(axis=0), leaves


def refit(space: Space, rows: np.ndarray, good: np.ndarray, taken: np.ndarray, seed: int) -> Batch:
    """Fit a forest and score candidates by it; a pure function, so any thread may run it.

    Parameters
    ----------
    space : Space
        Of the rows.
    rows : array of shape (trials, parameters)
        Past trials.
    good : array of shape (trials, objectives)
        Their ranks, from 0 to 1.
    taken : array of shape (n, parameters)
        What has been suggested already.
    seed : int
        Of all that is drawn.
    """
    began = time.thread_time()
    random = np.random.default_rng(seed)
    wanted = -np.log1p(-good * TOP)  # ranks drawn apart at the top, where the search has to tell trials apart
    forest = Forest(space.features(rows), wanted, seed % 2**31)
    patterns = Patterns(space, rows)
    best = elite(wanted, random)
    parents = np.concatenate([best, leaders(patterns, rows, wanted, best)])
    pool = np.concatenate(
        [spread(patterns, random, POOL), vary(patterns, rows[parents], patterns.of[parents], random, POOL)]
    )
    scored = [forest.predict(space.features(pool))]
    for _ in range(ROUNDS):
        optimistic = np.concatenate([values.mean(axis=0) + deviation for values, deviation, _ in scored])
        fresh = _improved(patterns, pool, optimistic, random)
        pool = np.concatenate([pool, fresh])
        scored.append(forest.predict(space.features(fresh)))
    values = np.concatenate([one[0] for one in scored], axis=1)
    deviation = np.concatenate([one[1] for one in scored])
    leaves = np.concatenate([one[2] for one in scored])
    features = space.features(pool)
    new = far(features, space.features(taken))
    return Batch(
        space=space,
        rows=pool[new],
        features=features[new],
        values=values[:, new],
        deviation=deviation[new],
        leaves=leaves[new],
        elite=rows[best],
        seconds=time.thread_time() - began,
    )


def elite(wanted: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Indices of good trials, the best first; with several objectives each is the best for some weighting of them."""
    if wanted.shape[1] == 1:
        return np.argsort(-wanted[:, 0], kind="stable")[:ELITE]
    weights = random.dirichlet(np.ones(wanted.shape[1]), size=2 * ELITE)
    chosen = [int(np.argmax(scalar(wanted, one))) for one in weights]
    return np.array(list(dict.fromkeys(chosen)))[:ELITE]


def leaders(patterns: Patterns, rows: np.ndarray, wanted: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Indices of the best few trials of each pattern and of each category, without those that are known."""
    order = np.argsort(-scalar(wanted, np.full(wanted.shape[1], 1 / wanted.shape[1])), kind="stable")
    chosen: list[int] = []
    for pattern in range(len(patterns.counts)):
        chosen += order[patterns.of[order] == pattern][:LEADERS].tolist()
    for column in patterns.allowed:
        levels = patterns.axes[column].level(rows[order, column])
        for level in range(patterns.axes[column].levels):
            chosen += order[levels == level][:LEADERS].tolist()
    return np.setdiff1d(np.array(chosen, int), known)


def scalar(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Several objectives as one, by the augmented Chebyshev distance to the best of each; larger is better."""
    if values.shape[1] == 1:
        return values[:, 0]
    short = (values.max(axis=0) - values) * weights
    return -short.max(axis=1) - 0.05 * short.sum(axis=1)


def far(features: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Select the candidates that differ from all taken points by at least `NEAR` in some parameter."""
    from scipy.spatial import KDTree

    if not len(taken):
        return np.ones(len(features), bool)
    return KDTree(taken).query(features, p=np.inf, distance_upper_bound=NEAR)[0] >= NEAR


def _improved(patterns: Patterns, rows: np.ndarray, optimistic: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Steps away from the candidates that look best."""
    weights = random.dirichlet(np.ones(optimistic.shape[1]))
    top = np.argsort(-scalar(optimistic, weights), kind="stable")[: POOL // 8]
    several = rows[np.repeat(top, 4)]
    return move(patterns, several, patterns.matching(several), random)
