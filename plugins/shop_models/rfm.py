"""RFM: segments from how recently, how often and for how much users bought.

Each dimension gets a score by cut points; named rules over the three scores make the segments. References: Hughes,
"Strategic Database Marketing" (1994); Fader, Hardie, Lee, "RFM and CLV", Journal of Marketing Research 2005.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import ConfigError, PluginError
from framework.records import Context, Segmentation
from shop_models.buyers import NO_PURCHASE, buyers, money, require
from shop_models.rfm_rules import DIMENSIONS, apply_rules, read_rules, segment_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.data.tables import Dataset

_FEATURES = ("recency_days", "frequency", "monetary")


def _default_segments() -> list[dict[str, Any]]:
    return [
        {"name": "champions", "recency": [4, 5], "frequency": [4, 5], "monetary": [4, 5]},
        {"name": "loyal", "recency": [3, 5], "frequency": [4, 5]},
        {"name": "new customers", "recency": [5, 5], "frequency": [1, 1]},
        {"name": "promising", "recency": [4, 5], "frequency": [1, 3]},
        {"name": "need attention", "recency": [3, 3], "frequency": [1, 3]},
        {"name": "at risk", "recency": [1, 2], "frequency": [3, 5]},
        {"name": "hibernating", "recency": [2, 2], "frequency": [1, 2]},
        {"name": "lost", "recency": [1, 1], "frequency": [1, 2]},
    ]


@dataclass(frozen=True)
class RfmConfig:
    """Where the scores are cut, and which scores make which segment.

    `quantiles` cut every dimension without cut points of its own, at the quantiles of the buyers that `fit` saw; four
    of them make five scores. `recency_days`, `frequency` and `monetary` (minor currency units) fix a dimension's cut
    points instead, ascending. `segments` are rules {name, recency, frequency, monetary}, each dimension [lowest,
    highest] score or left out; the first that holds wins; a name may have several rules. `otherwise` names buyers that
    no rule takes.
    """

    quantiles: Sequence[float] = (0.2, 0.4, 0.6, 0.8)
    recency_days: Sequence[float] | None = None
    frequency: Sequence[float] | None = None
    monetary: Sequence[float] | None = None
    segments: Sequence[dict[str, Any]] = field(default_factory=_default_segments)
    otherwise: str = "others"


class Rfm:
    """Scores by value: a score is 1 + the number of cut points passed, and a value on a cut point has not passed it.

    So equal values get equal scores, whatever the order of the rows, and many equal values share one score rather
    than being torn apart to fill quintiles. The highest recency score is the most recent purchase. Users without
    purchases are the segment "no purchase yet". Deterministic; `context.rng` is not used. Raises ConfigError where
    cut points do not ascend or a rule asks for scores that they do not make.
    """

    Config = RfmConfig

    def __init__(self, config: RfmConfig) -> None:
        self.config = config
        self.fixed = tuple(
            None if given is None else _cut_points(given, name)
            for name, given in zip(_FEATURES, (config.recency_days, config.frequency, config.monetary), strict=True)
        )
        self.quantiles = _cut_points(config.quantiles, "quantiles")
        if np.any((self.quantiles <= 0) | (self.quantiles >= 1)):
            raise ConfigError(f"model 'rfm': quantiles are {list(config.quantiles)}", allowed="numbers between 0 and 1")
        levels = [len(self.quantiles if cuts is None else cuts) + 1 for cuts in self.fixed]
        self.rules = read_rules(config.segments, levels)
        self.names = segment_names(self.rules, levels, config.otherwise)
        self.cuts: tuple[NDArray[np.float64], ...] | None = None

    def fit(self, data: Dataset, context: Context) -> None:
        """Take the cut points from the buyers in `data`; raises DataError where an RFM feature is missing."""
        require(data.features, _FEATURES, "rfm")
        bought = buyers(data.features)
        self.cuts = tuple(
            fixed if fixed is not None else _quantile_cuts(data.features.column(name)[bought], self.quantiles, name)
            for name, fixed in zip(_FEATURES, self.fixed, strict=True)
        )
        context.log.debug("rfm cut points: %s", [cuts.tolist() for cuts in self.cuts])

    def scores(self, data: Dataset) -> NDArray[np.int64]:
        """Return every user's recency, frequency and monetary score (U, 3), from 1; 0 for users without purchases."""
        if self.cuts is None:
            raise PluginError("model 'rfm' was asked for segments before it was fitted", hint="Call fit first.")
        require(data.features, _FEATURES, "rfm")
        bought = buyers(data.features)
        columns = [np.nan_to_num(data.features.column(name)) for name in _FEATURES]
        passed = [(value[:, None] > cuts).sum(axis=1) for value, cuts in zip(columns, self.cuts, strict=True)]
        passed[0] = (columns[0][:, None] < self.cuts[0]).sum(axis=1)
        return np.where(bought[:, None], 1 + np.stack(passed, axis=1), 0).astype(np.int64)

    def segment(self, data: Dataset) -> Segmentation:
        """Return every user's segment; every user has one. Names rest on the config alone, so a segment may be empty.

        Raises PluginError before `fit`, DataError where an RFM feature is missing.
        """
        scores = self.scores(data)
        bought = scores[:, 0] > 0
        labels = np.full(len(scores), len(self.names) - 1, dtype=np.int32)
        labels[bought] = apply_rules(self.rules, self.names, self.config.otherwise, scores[bought])
        descriptions = tuple(
            _describe(name, data, labels == place, data.currency) for place, name in enumerate(self.names)
        )
        return Segmentation(labels, self.names, descriptions, self._notes())

    def _notes(self) -> tuple[str, ...]:
        notes = []
        for name, cuts, fixed in zip(DIMENSIONS, self.cuts or (), self.fixed, strict=False):
            origin = "fixed" if fixed is not None else "quantiles of the fit data"
            shown = (money(value, "") if name == "monetary" else f"{value:,.4g}" for value in cuts)
            notes.append(f"{name} cut points ({origin}): {', '.join(shown)}")
            if len(np.unique(cuts)) < len(cuts):
                notes.append(f"{name}: cut points coincide, for many users have equal values; some scores stay empty")
        return tuple(notes)


def _cut_points(given: Sequence[float], name: str) -> NDArray[np.float64]:
    """Return cut points as an array; raises ConfigError where they do not ascend."""
    try:
        cuts = np.asarray(list(given), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"model 'rfm': {name} is {given!r}", allowed="ascending numbers") from error
    if cuts.ndim != 1 or len(cuts) == 0 or not np.all(np.isfinite(cuts)) or np.any(np.diff(cuts) <= 0):
        raise ConfigError(f"model 'rfm': {name} is {list(given)}", allowed="ascending numbers, one at least")
    return cuts


def _quantile_cuts(values: NDArray[np.float64], quantiles: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return cut points that are values of the data, so that no rounding can part equal values; 0 without buyers.

    Recency is cut from its far end, as its scores run, so that tied values leave the same shares on each side.
    """
    if len(values) == 0:
        return np.zeros(len(quantiles))
    sign = -1.0 if name == "recency_days" else 1.0
    cuts = np.quantile(sign * np.nan_to_num(values), quantiles, method="inverted_cdf")
    return np.sort(sign * np.asarray(cuts))


def _describe(name: str, data: Dataset, members: NDArray[np.bool_], currency: str) -> str:
    if not members.any():
        return "No users at present."
    if name == NO_PURCHASE:
        return "Seen in the log, but not buying so far."
    recency, frequency, monetary = (data.features.column(feature)[members] for feature in _FEATURES)
    days = _span(recency, lambda value: f"{value:,.0f}")
    orders = _span(frequency, lambda value: f"{value:,.0f}")
    spent = _span(monetary, lambda value: money(value, ""))
    return (
        f"Last bought {days} {'day' if days == '1' else 'days'} ago (median {np.median(recency):,.0f}), "
        f"{orders} {'order' if orders == '1' else 'orders'} "
        f"(median {np.median(frequency):,.0f}), {spent} {currency}".rstrip()
        + f" in total (median {money(float(np.median(monetary)), '')})."
    )


def _span(values: NDArray[np.float64], show: Callable[[float], str]) -> str:
    low, high = show(float(np.nanmin(values))), show(float(np.nanmax(values)))
    return low if low == high else f"{low} to {high}"
