"""A decision tree in a segmentation's place: the best short rule for each segment, and how true it is to it.

For each segment a tree parts its users from the others; every node of it is a conjunction of conditions, and the one
with the highest F1 among those of at most five conditions is the segment's rule. Conditions on one side of one feature
are merged into the tightest (Craven, Shavlik, "Extracting tree-structured representations of trained networks", NIPS
1995: fidelity; Breiman et al., "Classification and regression trees", 1984; the search for one region per class is
Friedman and Fisher's "Bump hunting", 1999, done by the tree's splits).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import TrialError
from framework.stats.groups.agreement import Labels, checked
from framework.stats.groups.rules import Condition, SegmentRule

SMALLEST_LEAF = 5


@dataclass(frozen=True)
class Surrogate:
    """A rule for each segment that has users, in the order of the segments.

    `fidelity` is the share of users for whom exactly one rule holds and it is their segment's; `balanced` is the mean
    of the rules' F1, each segment weighing the same.
    """

    rules: tuple[SegmentRule, ...]
    fidelity: float
    balanced: float


def surrogate_rules(
    features: Sequence[str],
    values: NDArray[np.float64],
    labels: Labels,
    names: Sequence[str],
    *,
    conditions: int = 5,
    depth: int = 7,
    seed: int = 0,
) -> Surrogate:
    """Return the best rule of at most `conditions` conditions for each segment.

    Args:
        features: names of the F features.
        values: each user's features (n, F), NaN where undefined.
        labels: each user's segment (n,), an index into `names`.
        names: the segments.
        conditions: how many a rule may have; two bounds on one feature count as two.
        depth: how deep the trees may grow before conditions are merged.
        seed: breaks ties between equally good splits.

    Raises:
        TrialError: shapes that do not fit, no users, or no condition allowed.
    """
    own = checked(labels)
    if values.shape != (len(own), len(features)) or not len(own) or own.max() >= len(names):
        raise TrialError(
            f"{values.shape} features and {len(own)} labels do not fit {len(features)} features, {len(names)} segments",
            allowed="one row and one label a user, one user or more",
        )
    if conditions < 1 or depth < 1:
        raise TrialError(f"a rule of {conditions} conditions from a tree {depth} deep", allowed="1 or more of each")
    rules = tuple(
        _best_rule(features, values, own == place, name, conditions, depth, seed)
        for place, name in enumerate(names)
        if np.any(own == place)
    )
    taken = np.stack([rule.holds(features, values) for rule in rules])
    segment = np.array([list(names).index(rule.segment) for rule in rules])
    right = (taken.sum(axis=0) == 1) & (segment[taken.argmax(axis=0)] == own)
    return Surrogate(rules, float(right.mean()), float(np.mean([rule.f1 for rule in rules])))


def _best_rule(
    features: Sequence[str],
    values: NDArray[np.float64],
    member: NDArray[np.bool_],
    name: str,
    conditions: int,
    depth: int,
    seed: int,
) -> SegmentRule:
    best = _judged(name, (), np.ones(len(member), dtype=np.bool_), member)
    if member.all():
        return best
    from sklearn.tree import DecisionTreeClassifier

    tree = DecisionTreeClassifier(
        max_depth=depth, min_samples_leaf=SMALLEST_LEAF, class_weight="balanced", random_state=seed
    )
    # The tree sees 32-bit numbers; its thresholds are placed between the 64-bit ones, and the rule is judged by those.
    limit = float(np.finfo(np.float32).max)
    tree.fit(np.clip(values, -limit, limit), member)
    for path in _paths(tree.tree_, features, values):
        if len(path) <= conditions:
            taken = np.ones(len(member), dtype=np.bool_)
            for condition in path:
                taken &= condition.holds(values[:, list(features).index(condition.feature)])
            found = _judged(name, path, taken, member)
            if (found.f1, -len(path)) > (best.f1 + 1e-12, -len(best.conditions)):
                best = found
    return best


def _judged(name: str, path: tuple[Condition, ...], taken: NDArray[np.bool_], member: NDArray[np.bool_]) -> SegmentRule:
    both, users, members = int((taken & member).sum()), int(taken.sum()), int(member.sum())
    return SegmentRule(
        segment=name,
        conditions=path,
        precision=both / users if users else 0.0,
        recall=both / members,
        f1=2 * both / (users + members),
        users=users,
        members=members,
    )


def _paths(tree: Any, features: Sequence[str], values: NDArray[np.float64]) -> Iterator[tuple[Condition, ...]]:
    """Give every node's conditions but the root's, merged, nodes near the root first."""
    sorted_values = [np.unique(column[~np.isnan(column)]) for column in values.T]
    waiting: list[tuple[int, tuple[Condition, ...]]] = [(0, ())]
    while waiting:
        node, path = waiting.pop(0)
        if path:
            yield path
        left, right = int(tree.children_left[node]), int(tree.children_right[node])
        if left < 0:
            continue
        feature = int(tree.feature[node])
        column = values[:, feature]
        threshold = _plain(float(tree.threshold[node]), sorted_values[feature])
        undefined_left = bool(tree.missing_go_to_left[node]) and bool(np.isnan(column).any())
        undefined_right = not undefined_left and bool(np.isnan(column).any())
        low = Condition(features[feature], False, threshold, undefined_left)
        high = Condition(features[feature], True, threshold, undefined_right)
        waiting += [(left, _merged(path, low)), (right, _merged(path, high))]


def _merged(path: tuple[Condition, ...], new: Condition) -> tuple[Condition, ...]:
    """Return the path with one condition more; one on the same side of the same feature becomes the tighter of both.

    An undefined value passes only where every condition on the feature lets it.
    """
    of_feature = [condition for condition in path if condition.feature == new.feature]
    undefined = new.or_undefined and all(condition.or_undefined for condition in of_feature)
    merged = [
        replace(condition, or_undefined=undefined) if condition.feature == new.feature else condition
        for condition in path
    ]
    for place, condition in enumerate(merged):
        if (condition.feature, condition.above) == (new.feature, new.above):
            tighter = max if new.above else min
            merged[place] = replace(condition, threshold=tighter(condition.threshold, new.threshold))
            return tuple(merged)
    return (*merged, replace(new, or_undefined=undefined))


def _plain(threshold: float, known: NDArray[np.float64]) -> float:
    """Return the number of fewest digits that parts the known values as the threshold does."""
    place = int(np.searchsorted(known, threshold, side="right"))
    low = known[place - 1] if place > 0 else -np.inf
    high = known[place] if place < len(known) else np.inf
    for digits in range(1, 18):
        candidate = float(f"{threshold:.{digits}g}")
        if low <= candidate < high:
            return candidate
    return threshold
