"""The small Open Bandit logs beside what obp 0.5.7 said of them; skips where either is absent."""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from framework.records import LoggedDecisions, WeightedRows

SHARED = Path(__file__).resolve().parents[4] / "shared"
DATA = Path(os.environ.get("PRELAUNCH_DATA", SHARED / "data")) / "open_bandit"
REFERENCE = Path(os.environ.get("PRELAUNCH_REFERENCE", SHARED / "reference")) / "ope"
LOGS = ("all_random_to_bts", "all_bts_to_random", "women_random_to_bts", "women_bts_to_random")
COLUMNS = ["item_id", "position", "click", "propensity_score", *(f"user_feature_{k}" for k in range(4))]


def reference(name):
    """Return a file of the reference folder ope/."""
    file = REFERENCE / f"{name}.json"
    if not file.is_file():
        pytest.skip(f"reference numbers are not at {file}; name their folder in PRELAUNCH_REFERENCE")
    return _read(file)


@cache
def _read(file):
    return json.loads(file.read_text())


def published(log):
    return reference(f"obd_small_{log}")


@cache
def decisions(log):
    """Return the log as decisions: users' features one-hot without their first value, items' features by number."""
    from pyarrow import csv

    campaign, behaviour, _ = log.replace("_to_", "_").split("_")
    folder = DATA / behaviour / campaign
    if not folder.is_dir():
        pytest.skip(f"open_bandit is not at {DATA}; name its parent folder in PRELAUNCH_DATA")
    options = csv.ConvertOptions(include_columns=COLUMNS)
    table = csv.read_csv(folder / f"{campaign}.csv", convert_options=options)
    column = {name: table[name].to_numpy(zero_copy_only=False) for name in COLUMNS}
    items = csv.read_csv(folder / "item_context.csv")
    context = []
    for k in range(4):
        kinds, code = np.unique(column[f"user_feature_{k}"].astype(str), return_inverse=True)
        context.append(np.eye(len(kinds))[code][:, 1:])
    order = np.argsort(items["item_id"].to_numpy())
    features = [
        np.unique(items[f"item_feature_{k}"].to_numpy(zero_copy_only=False).astype(str), return_inverse=True)[1][order]
        for k in (1, 2, 3)
    ]
    features.append(items["item_feature_0"].to_numpy()[order])
    return LoggedDecisions(
        action=column["item_id"].astype(np.int32),
        position=(column["position"] - 1).astype(np.int32),
        reward=column["click"].astype(np.float64),
        propensity=column["propensity_score"].astype(np.float64),
        actions=tuple(str(item) for item in np.arange(len(order))),
        positions=3,
        context=np.hstack(context),
        action_features=np.column_stack(features).astype(np.float64),
    )


@cache
def weighted(log):
    """Return the log's rows with the reference's policy and reward model."""
    known, own = published(log)["inputs"], decisions(log)
    policy = np.array(known["action_dist"])
    weight = policy[own.action, own.position] / own.propensity
    return WeightedRows(own.reward, weight, np.array(known["qf"]), np.array(known["qp"]))
