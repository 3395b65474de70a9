"""`synthetic_shop`: users respond by the truth that the source `synthetic_shop` planted. For tests of the machinery.

User u comes V ~ Poisson(visit rate of u) times. At each visit, the item i at position j (from 0) is bought with chance
    p = attention^j * min(cap, sigmoid(b_u + planted_effect * gain * appeal(u, i))),
once at most in the trial, independently of the other items; clicks are the same with b_u + click_shift. A purchase
costs m_u * s minor units: m_u is the user's own, s a step drawn by fixed weights. So with planted_effect 0 neither
conversion nor revenue depends on which distinct items are shown, and both have exact expectations:
    P(i bought) = 1 - exp(-rate * p),   P(anything bought) = 1 - exp(-rate * (1 - prod_j (1 - p_j))).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.data.randomness import keyed_uniform
from framework.data.tables import MICROSECONDS_PER_DAY, UNKNOWN
from framework.errors import DataError
from framework.records import Actions, Context, Queries, Responses, SimulatorCheck
from shop_simulators.planted_truth import find_truth, read_truth

if TYPE_CHECKING:
    from framework.data.tables import Dataset, Window

_VISITS, _CHOICE, _MONEY = range(3)


@dataclass
class SyntheticShopConfig:
    """`truth`: the shop's folder, or its truth folder; null takes the shop of this run's source."""

    truth: str | None = None


class SyntheticShop:
    """Simulator that knows; see the module's text for the response it draws from."""

    Config = SyntheticShopConfig

    def __init__(self, config: SyntheticShopConfig) -> None:
        self.config = config

    def fit(self, early: Dataset, later: Window, context: Context) -> None:  # noqa: ARG002 - the truth needs no outcomes
        """Read the truth. Raises ConfigError where it is not to be found, DataError where it is of another shop."""
        self._truth = read_truth(find_truth(self.config.truth, context.folder))
        self.prepare(early)

    def prepare(self, data: Dataset) -> None:
        """Take `data` as the users and the catalogue to answer for; raises DataError where they are of another shop."""
        self._items = _all_known("item", self._truth.item_ids, data.items).astype(np.int32)
        _all_known("user", self._truth.user_ids, data.users)

    def check(self, early: Dataset, later: Window, context: Context) -> SimulatorCheck:  # noqa: ARG002
        """Compare who came by in `later` with the planted activity.

        The log holds no responses to shown pages, so the response itself has nothing to be compared with: it is the
        truth by construction.
        """
        truth = self._truth
        owner = _place(truth.user_ids, early.users)
        known = np.flatnonzero(owner >= 0)
        days = (later.end - later.start) / MICROSECONDS_PER_DAY
        chance = -np.expm1(-truth.sessions_per_day[owner[known]] * days)
        came = np.zeros(len(early.users), dtype=bool)
        viewers = later.user_index[np.unique(later.events.of_kind("view").user)]
        came[viewers[viewers >= 0]] = True
        group, names = truth.segment[owner[known]], truth.segment_names
        if early.segments is not None:
            group, names = early.segments[known], early.segment_names
        rows = [_row(None, chance, came[known])]
        rows += [_row(name, chance[group == i], came[known][group == i]) for i, name in enumerate(names)]
        shown = [row for row in rows if row["users"]]
        overall = shown[0] if shown else {"predicted": float("nan"), "actual": float("nan")}
        sentence = (
            "Users respond by the truth planted in the synthetic shop, so the responses are right by construction; "
            f"of the known users {overall['predicted']:.1%} were expected to come by in the later log and "
            f"{overall['actual']:.1%} did."
        )
        scores = {"log_loss": _log_loss(chance, came[known])} if len(known) else {}
        if len(known):
            scores["log_loss_baseline"] = _log_loss(np.full(len(known), came[known].mean()), came[known])
        return SimulatorCheck(sentence, trusted=True, rows=tuple(shown), scores=scores)

    def respond(self, queries: Queries, actions: Actions, rng: np.random.Generator) -> Responses:
        """Draw one trial of each user.

        Chance is keyed by (user, item) and one number from `rng`: with equally seeded generators the same user meets
        the same item at the same position with the same answer, in whatever company; a better position can only turn
        a no into a yes. Empty positions (-1) get no response, and users that the shop does not know never come. The
        items of a page are distinct.
        """
        key = int(rng.integers(2**63))
        truth = self._truth
        user, rate = self._users(queries)
        item, real = self._shown(actions)
        visits = _poisson(keyed_uniform(key, _VISITS, user), rate)
        draw = keyed_uniform(key, _CHOICE, user[:, None], item)
        bought_at = _first_visit(draw, self._chance(user, item, real, 0.0))
        clicked_at = _first_visit(draw, self._chance(user, item, real, truth.click_shift))
        bought = bought_at <= visits[:, None]
        step = np.searchsorted(
            np.cumsum(truth.money_weights)[:-1], keyed_uniform(key, _MONEY, user[:, None], item), side="right"
        )
        amount = np.where(bought, truth.money_unit[user][:, None] * truth.money_steps[step], 0)
        return Responses(
            clicked=clicked_at <= visits[:, None],
            bought=bought,
            amount=amount.astype(np.int64),
            visits=visits.astype(np.int32),
            orders=_distinct(np.where(bought, bought_at, np.inf)),
        )

    def expected(self, queries: Queries, actions: Actions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return each query's exact chance (n,) to buy anything shown, and its expected money (n,) in minor units."""
        truth = self._truth
        user, rate = self._users(queries)
        item, real = self._shown(actions)
        chance = self._chance(user, item, real, 0.0)
        conversion = -np.expm1(-rate * -np.expm1(np.log1p(-chance).sum(axis=1)))
        purchases = -np.expm1(-rate[:, None] * chance).sum(axis=1)
        mean_step = float(truth.money_steps @ truth.money_weights)
        return conversion, purchases * truth.money_unit[user] * mean_step

    def appeal(self, queries: Queries, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the planted affinity (n, k) of each query's user to items (n, k) or (k,) of the data set."""
        table = np.broadcast_to(np.asarray(items), (len(queries), np.shape(items)[-1]))
        return self._truth.appeal(self._users(queries)[0], self._items[table])

    def _chance(
        self, user: NDArray[np.intp], item: NDArray[np.int32], real: NDArray[np.bool_], shift: float
    ) -> NDArray[np.float64]:
        truth = self._truth
        logit = truth.response_logit[user][:, None] + shift
        if truth.planted_effect:
            logit = logit + truth.planted_effect * truth.gain * truth.appeal(user, item)
        attention = truth.attention ** np.arange(item.shape[1])
        return np.where(real, attention * np.minimum(1.0 / (1.0 + np.exp(-logit)), truth.cap), 0.0)

    def _users(self, queries: Queries) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        place = _place(self._truth.user_ids, queries.user_ids)
        return np.maximum(place, 0), np.where(place >= 0, self._truth.visit_rate[place], 0.0)

    def _shown(self, actions: Actions) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        real = actions.items != UNKNOWN
        return self._items[np.where(real, actions.items, 0)], real


def _place(known: NDArray[np.str_], ids: NDArray[np.str_]) -> NDArray[np.intp]:
    found = np.searchsorted(known, ids).clip(max=len(known) - 1)
    return np.where(known[found] == ids, found, UNKNOWN)


def _all_known(what: str, known: NDArray[np.str_], ids: NDArray[np.str_]) -> NDArray[np.intp]:
    place = _place(known, ids)
    if (place < 0).any():
        raise DataError(
            f"{what} '{ids[np.argmax(place < 0)]}' of the log is not in the truth",
            hint="The simulator synthetic_shop answers for the log of its own shop only (simulator.params.truth), "
            "cleaned of postage (data.cleaning.not_products).",
        )
    return place


def _poisson(draw: NDArray[np.float64], rate: NDArray[np.float64]) -> NDArray[np.int64]:
    # Inversion: the smallest count whose cumulative chance exceeds the draw.
    count = np.zeros(len(rate), dtype=np.int64)
    term = np.exp(-rate)
    total = term.copy()
    more = draw >= total
    while more.any() and count.max(initial=0) < 1000:
        count[more] += 1
        term[more] *= rate[more] / count[more]
        total[more] += term[more]
        more &= draw >= total
    return count


def _first_visit(draw: NDArray[np.float64], chance: NDArray[np.float64]) -> NDArray[np.float64]:
    # Inversion of the geometric law: the visit (1, 2, ...) at which it happens; infinity where it never can.
    with np.errstate(divide="ignore", invalid="ignore"):
        visit = np.ceil(np.log1p(-draw) / np.log1p(-chance))
    return np.where(chance > 0.0, np.maximum(visit, 1.0), np.inf)


def _distinct(visit: NDArray[np.float64]) -> NDArray[np.int32]:
    if not visit.shape[1]:
        return np.zeros(len(visit), dtype=np.int32)
    ranked = np.sort(visit, axis=1)
    new = np.isfinite(ranked)
    new[:, 1:] &= ranked[:, 1:] != ranked[:, :-1]
    counts: NDArray[np.int32] = new.sum(axis=1).astype(np.int32)
    return counts


def _row(
    segment: str | None, chance: NDArray[np.float64], came: NDArray[np.bool_]
) -> dict[str, float | str | int | None]:
    n = len(chance)
    if not n:
        return {"segment": segment, "quantity": "share of users who came by", "users": 0}
    actual = float(came.mean())
    # Wilson's interval.
    z = 1.959963984540054
    middle = (actual + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(actual * (1 - actual) / n + z * z / (4 * n * n)))
    return {
        "segment": segment,
        "quantity": "share of users who came by",
        "users": n,
        "predicted": float(chance.mean()),
        "actual": actual,
        "ci_low": middle - half,
        "ci_high": middle + half,
    }


def _log_loss(chance: NDArray[np.float64], came: NDArray[np.bool_]) -> float:
    safe = np.clip(chance, 1e-12, 1.0 - 1e-12)
    return float(-np.mean(np.where(came, np.log(safe), np.log1p(-safe))))
