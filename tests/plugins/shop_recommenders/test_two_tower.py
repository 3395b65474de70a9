"""Two towers: scores and losses against plain NumPy, cold items on a planted log, and the shipped suite."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from scipy.sparse import csr_matrix

from framework.config import TrainerConfig
from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable
from framework.errors import ConfigError, DataError
from framework.kinds import NeuralRecommender, Stored, TakesItems
from framework.testing.recommender import RecommenderTests
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries
from framework.training.fit import fit
from shop_recommenders.content.image_vectors import image_vectors
from shop_recommenders.content.two_tower import TwoTower, TwoTowerConfig
from shop_recommenders.content.two_tower_batches import NextPurchaseBatches
from shop_recommenders.content.two_tower_module import TowerShape, TwoTowerModule, drawn
from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.losses import sampled_softmax
from tests.plugins.shop_recommenders.tiny_encoder import saved_to

SMALL: dict[str, Any] = {"embedding_size": 8, "hidden": (6,), "text_size": 3, "batch_size": 32, "recent": 4}


def trained(folder, data=None, epochs=2, **params):
    made = TwoTower(TwoTowerConfig(**{**SMALL, **params}))
    data = tiny_dataset() if data is None else data
    fit(made, data, tiny_context(folder), TrainerConfig(accelerator="cpu", epochs=epochs))
    return made


def module(correct: bool = True, **changes: Any) -> TwoTowerModule:
    """Four items, of which the last has no id of its own, two users."""
    shape = TowerShape(3, (16,), ids=3, users=2, categories=2, id_dropout=0.0, temperature=0.5, learning_rate=0.1)
    rng = np.random.default_rng(0)
    share = np.log(np.array([0.5, 0.3, 0.2, 0.2], dtype=np.float32)) if correct else None
    return drawn(
        TwoTowerModule(
            replace(shape, **changes),
            np.array([0, 1, 2, 3, 0]),
            np.array([0, 1, 1, 2, 0]),
            rng.standard_normal((5, 2)).astype(np.float32),
            rng.standard_normal((3, 2)).astype(np.float32),
            share,
        ),
        seed=1,
    )


def by_hand(own: TwoTowerModule) -> tuple[Any, Any]:
    """Return the towers in NumPy: of items, and of a user with recent items."""
    weight = {name: value.detach().double().numpy() for name, value in own.state_dict().items()}

    def tower(name, x):
        x = np.maximum(x @ weight[f"{name}.0.weight"].T + weight[f"{name}.0.bias"], 0)
        x = x @ weight[f"{name}.2.weight"].T + weight[f"{name}.2.bias"]
        return x / np.linalg.norm(x)

    def known(item):
        dense = weight["dense"][item] @ weight["projection.weight"].T + weight["projection.bias"]
        return weight["ids.weight"][own.id_place[item]] + weight["categories.weight"][own.category[item]] + dense

    def user(place, recent):
        mean = np.mean([known(item) for item in recent], axis=0)
        row = place if place >= 0 else 2
        return tower("user_tower", np.concatenate([mean, weight["users.weight"][row], weight["features"][row]]))

    return lambda item: tower("item_tower", known(item)), user


def test_scores_are_products_of_the_towers():
    own = module().eval()
    item, user = by_hand(own)
    with torch.inference_mode():
        items = own.vectors().numpy()
        asked = [(0, [1, 3]), (-1, [2]), (1, [0, 0, 1])]
        padded = torch.tensor([[*recent, *[4] * (3 - len(recent))] for _, recent in asked])
        lengths = torch.tensor([len(recent) for _, recent in asked])
        users = own(padded, lengths, torch.tensor([place for place, _ in asked])).numpy()
    for place in range(4):
        np.testing.assert_allclose(items[place], item(place), atol=1e-6)
    for found, (place, recent) in zip(users, asked, strict=True):
        np.testing.assert_allclose(found, user(place, recent), atol=1e-6)


@pytest.mark.parametrize("correct", [True, False])
def test_the_loss_is_the_corrected_softmax_over_the_batch(correct):
    own = module(correct).eval()
    item, user = by_hand(own)
    rows = [(0, [1], 0), (1, [0, 2], 1), (0, [2], 0), (1, [1], 2)]
    share = {0: 0.5, 1: 0.3, 2: 0.2}
    losses = []
    for place, recent, target in rows:
        state = user(place, recent)
        others = [other for _, _, other in rows if other != target]  # another row with the same target is none
        total = positive = np.exp(state @ item(target) / 0.5)
        for other in others:
            # Drawn by its share among what is not the target; each stands for 1 / (K q) items.
            weight = (1 - share[target]) / (len(others) * share[other]) if correct else 1.0
            total += weight * np.exp(state @ item(other) / 0.5)
        losses.append(-np.log(positive / total))
    vocabulary = np.array([0, 1, 2, 4])
    batch = {
        "vocabulary": vocabulary,
        "items": np.array([[1, 3], [0, 2], [2, 3], [1, 3]]),
        "lengths": np.array([1, 2, 1, 1]),
        "users": np.array([0, 1, 0, 1]),
        "goods": np.array([0, 1, 2]),
        "target": np.array([0, 1, 0, 2]),
    }
    found = own.training_step({name: torch.from_numpy(part) for name, part in batch.items()}, 0)
    np.testing.assert_allclose(found.item(), np.mean(losses), rtol=1e-5)


def test_the_corrected_sum_over_a_batch_is_on_average_that_over_the_catalogue():
    share, scores, target = np.array([0.6, 0.3, 0.1]), np.array([1.0, -0.5, 0.3]), 2
    rng = np.random.default_rng(0)
    items, hidden = torch.from_numpy(scores)[:, None], torch.ones(1, 1, dtype=torch.float64)
    sums = []
    for _ in range(2000):
        negatives = torch.from_numpy(rng.choice(3, size=16, p=share))
        loss = sampled_softmax(
            hidden, torch.tensor([target]), negatives, items, log_share=torch.from_numpy(np.log(share))
        )
        sums.append((float(torch.exp(loss)) - 1) * np.exp(scores[target]))
    # The standard error is 0.005.
    np.testing.assert_allclose(np.mean(sums), np.exp(scores[:2]).sum(), atol=0.02)


def test_ids_are_left_out_in_training_alone():
    own = module(id_dropout=0.999999)
    items = torch.arange(3)
    own.train()
    lost = own.sums(items)
    own.eval()
    unknown = own.sums(items) - own.ids(own.id_place[items]) + own.ids.weight[3]
    torch.testing.assert_close(lost, unknown)


def test_batches_hold_what_came_before_and_what_came_next():
    histories = Histories.by_length(np.array([5, 3, 5, 1, 7, 2], dtype=np.int32), np.array([4, 0, 1, 1]))
    batches = NextPurchaseBatches(histories, 9, recent=2, batch_size=2, seed=0)
    seen = set()
    for number in range(len(batches)):
        batch = batches[number]
        for row, length in enumerate(batch["lengths"]):
            items = batch["vocabulary"][batch["items"][row]]
            assert np.all(items[length:] == 9)
            target = batch["vocabulary"][batch["goods"][batch["target"][row]]]
            seen.add((int(batch["users"][row]), tuple(items[:length].tolist()), int(target)))
    assert seen == {(0, (5,), 3), (0, (3, 5), 5), (0, (5, 3), 1)}
    assert batches.taken.tolist() == [0, 1, 0, 1, 0, 1, 0, 0, 0]


def planted(users: int = 240, items: int = 36) -> Dataset:
    """Users keep to one category of three; six items of each category are sold, the other six are new."""
    rng = np.random.default_rng(3)
    category = (np.arange(items) % 3).astype(np.int32)
    sold = np.arange(items) < items // 2
    rows = [
        (user, int(rng.choice(np.flatnonzero(sold & (category == user % 3)))))
        for user in range(users)
        for _ in range(6)
    ]
    user, item = (np.array(part, dtype=np.int32) for part in zip(*rows, strict=True))
    n = len(rows)
    events = Interactions(
        user=user,
        item=item,
        kind=np.zeros(n, dtype=np.int8),
        time=np.arange(n, dtype=np.int64),
        quantity=np.ones(n),
        amount=np.ones(n, dtype=np.int64),
        order=np.arange(n, dtype=np.int64),
        kinds=("purchase",),
    )
    names = ("books", "games", "garden")
    table = ItemTable(category, names, np.full(items, 100, dtype=np.int64), tuple(f"item {names[c]}" for c in category))
    ids = np.array([f"u{place:03d}" for place in range(users)])
    things = np.array([f"i{place:03d}" for place in range(items)])
    return Dataset(ids, things, events, FeatureTable((), np.zeros((users, 0))), table, n)


def test_cold_items_follow_from_what_is_known_of_them(tmp_path):
    data = planted()
    made = trained(tmp_path, data, epochs=8, id_dropout=0.3, hidden=())
    queries = tiny_queries(data).take(np.arange(30))
    sold = csr_matrix(np.tile((np.arange(36) < 18).astype(float), (30, 1)))
    found = made.recommend(replace(queries, exclude=sold), 6)
    wanted = data.item_table.category[found.items] == (np.arange(30) % 3)[:, None]
    assert (found.items >= 18).all()
    assert wanted.mean() > 0.95
    # Items that come later: the same by their names, whatever the numbering of categories.
    new = ItemTable(
        np.array([1, 0], dtype=np.int32),
        ("garden", "books"),
        np.full(2, 100, dtype=np.int64),
        ("item books", "item garden"),
    )
    made.take_items(np.array(["new books", "new garden"]), new)
    everything = made.recommend(queries, 38)
    place = np.argsort(everything.items, axis=1)
    books, garden = place[:, 36], place[:, 37]
    assert (books[::3] < garden[::3]).all()
    assert (garden[2::3] < books[2::3]).all()
    again = TwoTower(made.config)
    again.restore(made.state())
    np.testing.assert_array_equal(again.recommend(queries, 38).items, everything.items)
    history = made.recommend(replace(queries.take(np.array([0])), history=np.array([[37, 37]], dtype=np.int32)), 12)
    assert (np.append(data.item_table.category, [0, 2])[history.items[0]] == 2).mean() > 0.9


def test_texts_and_images_are_known_of_cold_items_too(tmp_path):
    data = planted()
    folder = tmp_path / "images"
    folder.mkdir()
    for item, category in zip(data.items, data.item_table.category, strict=True):
        np.save(folder / f"{item}.npy", np.eye(3)[category] * 5)
    queries = tiny_queries(data).take(np.arange(30))
    sold = csr_matrix(np.tile((np.arange(36) < 18).astype(float), (30, 1)))
    only: dict[str, Any] = {"category": False, "price": False, "id_dropout": 0.3, "hidden": ()}
    encoder = str(saved_to(tmp_path / "encoder"))
    ways = ({"image_vectors": folder, "text": False}, {}, {"encoder": encoder, "local_files_only": True})
    for number, way in enumerate(ways):
        made = trained(tmp_path / str(number), data, epochs=8, **{**only, **way})
        found = made.recommend(replace(queries, exclude=sold), 6)
        assert (data.item_table.category[found.items] == (np.arange(30) % 3)[:, None]).mean() > 0.9, way


def test_image_vectors_from_a_folder_and_from_parquet(tmp_path):
    items = np.array(["a", "b", "c/d"])
    np.save(tmp_path / "a.npy", np.array([3.0, 4.0]))
    table = pa.table({"item": ["a", "x"], "vector": [[3.0, 4.0], [1.0, 0.0]]})
    parquet.write_table(table, tmp_path / "images.parquet")
    for path in (tmp_path, tmp_path / "images.parquet"):
        np.testing.assert_allclose(image_vectors(path, items), [[0.6, 0.8], [0, 0], [0, 0]])


def test_wrong_image_vectors_are_said_in_words(tmp_path):
    items = np.array(["a", "b"])
    with pytest.raises(DataError, match=r"none\.parquet is missing"):
        image_vectors(tmp_path / "none.parquet", items)
    with pytest.raises(DataError, match="has no image vector of any of the 2 items"):
        image_vectors(tmp_path, items)
    np.save(tmp_path / "a.npy", np.ones(2))
    np.save(tmp_path / "b.npy", np.ones(3))
    with pytest.raises(DataError, match="lengths 2, 3"):
        image_vectors(tmp_path, items)
    np.save(tmp_path / "b.npy", np.array([1.0, np.nan]))
    with pytest.raises(DataError, match="item 'b' is not of finite numbers"):
        image_vectors(tmp_path, items)
    (tmp_path / "b.npy").write_text("no array")
    with pytest.raises(DataError, match=r"b\.npy is no vector"):
        image_vectors(tmp_path, items)
    parquet.write_table(pa.table({"id": ["a"], "vector": [[1.0]]}), tmp_path / "images.parquet")
    with pytest.raises(DataError, match="has no column 'item'"):
        image_vectors(tmp_path / "images.parquet", items)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0"),
        ({"id_dropout": 1.0}, "id_dropout is 1"),
        ({"hidden": (0,)}, "hidden is 0"),
        ({"recent": 0}, "recent is 0"),
        ({"item_ids": False, "category": False, "price": False, "text": False}, "know nothing of items"),
    ],
)
def test_wrong_settings_are_refused(params, message):
    with pytest.raises(ConfigError, match=message):
        TwoTowerConfig(**params)


def test_a_user_feature_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="'recencyy', which is known of no user"):
        trained(tmp_path, user_features=("recencyy",))


def test_it_is_neural_can_be_stored_and_takes_items():
    made = TwoTower(TwoTowerConfig())
    assert isinstance(made, NeuralRecommender)
    assert isinstance(made, Stored)
    assert isinstance(made, TakesItems)


class TestTwoTower(RecommenderTests):
    component = TwoTower
    params: ClassVar[dict[str, Any]] = SMALL


class TestTwoTowerOfUsers(RecommenderTests):
    component = TwoTower
    params: ClassVar[dict[str, Any]] = {
        **SMALL,
        "user_ids": True,
        "user_features": ("recency_days", "frequency"),
        "hidden": (),
        "text": False,
        "correct_sampling": False,
    }
