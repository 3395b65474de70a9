"""What the source `synthetic_shop` planted, read from its side tables: found, checked, as arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, DataError

POINTER = "shop_folder.txt"


@dataclass(frozen=True)
class PlantedTruth:
    """U users and I items with sorted ids, as they were planted.

    `appeal` of item i to user u is category_affinity[u, category[i]] + tier_affinity[u, tier[i]]: mean 0 over the
    catalogue for each user, one standard deviation over all. `money_unit` in minor currency units times
    `money_steps` is what a purchase may cost, with chances `money_weights`.
    """

    user_ids: NDArray[np.str_]
    segment: NDArray[np.int32]
    segment_names: tuple[str, ...]
    sessions_per_day: NDArray[np.float64]
    arrival_day: NDArray[np.float64]
    visit_rate: NDArray[np.float64]
    response_logit: NDArray[np.float64]
    money_unit: NDArray[np.int64]
    category_affinity: NDArray[np.float32]
    tier_affinity: NDArray[np.float32]
    item_ids: NDArray[np.str_]
    category: NDArray[np.int32]
    tier: NDArray[np.int32]
    planted_effect: float
    gain: float
    attention: float
    cap: float
    click_shift: float
    money_steps: NDArray[np.int64]
    money_weights: NDArray[np.float64]

    def appeal(self, user: NDArray[np.intp], item: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the affinity (n, k) of users (n,) to items (n, k), both as indices into the truth."""
        rows = user[:, None]
        liking = self.category_affinity[rows, self.category[item]] + self.tier_affinity[rows, self.tier[item]]
        return np.asarray(liking, dtype=np.float64)


def find_truth(given: str | None, own_folder: Path) -> Path:
    """Return the truth's folder: the one given (it, or one below it, holds truth.json), or the run's own shop.

    Raises ConfigError where there is none, or more than one to choose from.
    """
    if given is not None:
        start = Path(given).expanduser()
        found = [start.parent] if start.is_file() and start.name == "truth.json" else _below(start)
        where = f"simulator.params.truth '{given}'"
    else:
        work = own_folder.parent
        pointers = sorted((work / "source").glob(f"**/{POINTER}")) or sorted(work.glob(f"*/{POINTER}"))
        shops = [Path(pointer.read_text(encoding="utf-8").strip()) for pointer in pointers]
        found = [folder for shop in shops for folder in _below(shop)] or _below(work / "source")
        where = f"the run's source folder {work / 'source'}"
    if len(found) == 1:
        return found[0]
    hint = (
        "Use this simulator with the source synthetic_shop, and where the shop was written elsewhere, "
        "set simulator.params.truth to its folder."
    )
    if not found:
        raise ConfigError(f"the simulator synthetic_shop finds no truth.json below {where}", hint=hint)
    names = ", ".join(str(folder.parent) for folder in found)
    raise ConfigError(f"the simulator synthetic_shop finds more than one shop below {where}: {names}", hint=hint)


def _below(start: Path) -> list[Path]:
    return sorted(path.parent for path in start.glob("**/truth.json") if ".partial-" not in str(path))


def read_truth(folder: Path) -> PlantedTruth:
    """Read the truth that the source wrote into `folder`; raises DataError where a file is missing or broken."""
    import pyarrow.parquet as pq

    try:
        facts: dict[str, Any] = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        users = pq.read_table(folder / "users.parquet")
        items = pq.read_table(folder / "items.parquet")
        response = facts["response"]
        return PlantedTruth(
            user_ids=np.array(users["user"].to_pylist(), dtype=np.str_),
            segment=users["segment"].to_numpy(),
            segment_names=tuple(facts["segments"]),
            sessions_per_day=users["sessions_per_day"].to_numpy(),
            arrival_day=users["arrival_day"].to_numpy(),
            visit_rate=users["visit_rate"].to_numpy(),
            response_logit=users["response_logit"].to_numpy(),
            money_unit=users["money_unit"].to_numpy(),
            category_affinity=_matrix(users["category_affinity"]),
            tier_affinity=_matrix(users["tier_affinity"]),
            item_ids=np.array(items["item"].to_pylist(), dtype=np.str_),
            category=items["category"].to_numpy(),
            tier=items["tier"].to_numpy(),
            planted_effect=float(facts["planted_effect"]),
            gain=float(response["gain"]),
            attention=float(response["attention"]),
            cap=float(response["cap"]),
            click_shift=float(response["click_shift"]),
            money_steps=np.array(response["money_steps"], dtype=np.int64),
            money_weights=np.array(response["money_weights"], dtype=np.float64),
        )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"the truth in {folder} cannot be read: {error}",
            hint="Remove that shop's folder; the source synthetic_shop writes it again.",
        ) from error


def _matrix(column: Any) -> NDArray[np.float32]:
    array = column.combine_chunks()
    flat: NDArray[np.float32] = array.flatten().to_numpy()
    return flat.reshape(len(array), -1)
