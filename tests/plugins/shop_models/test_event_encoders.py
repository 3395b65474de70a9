import dataclasses
import logging

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from framework.config import TrainerConfig
from framework.data.tables import MICROSECONDS_PER_DAY
from framework.errors import ConfigError, DataError, PluginError
from framework.testing import tiny_context, tiny_dataset
from framework.training.fit import fit
from shop_models.encoders.aggregates import Aggregates
from shop_models.encoders.coles import FEW_EVENTS, Coles, ColesConfig
from shop_models.encoders.contrastive_module import contrastive_loss, drawn_slices
from shop_models.encoders.event_sequences import EventSequences, EventVocabulary
from shop_models.encoders.learning import EncoderSettings, learn_encoder
from shop_models.encoders.transitions import striking_transitions, transition_counts
from shop_models.group_count import fit_centers, nearest_center

QUIET = logging.getLogger("prelaunch.testing")


def chains(users, length, shifts, states=5, stay=0.8, seed=0):
    """Users of Markov chains whose every matrix is doubly stochastic: equal marginals, another order in each group."""
    rng = np.random.default_rng(seed)
    other = (1 - stay) / (states - 1)
    truth = np.repeat(np.arange(len(shifts)), users)
    state = rng.integers(states, size=len(truth))
    rows = [state]
    for _ in range(length - 1):
        step = np.asarray(shifts)[truth]
        jump = rng.random(len(truth)) < (1 - stay) * states / (states - 1)
        state = np.where(jump, rng.integers(states, size=len(truth)), (state + step) % states)
        rows.append(state)
    assert other > 0
    token = np.stack(rows, axis=1).ravel()
    starts = np.arange(0, len(token) + 1, length)
    return EventSequences(token, np.zeros(len(token), dtype=np.int64), np.ones((len(token), 2)), starts), truth


def agreement(sequences, truth, groups, **settings):
    encoder = learn_encoder(sequences, 5, 1, EncoderSettings(**settings), np.random.default_rng(1), QUIET)
    vectors = encoder.embed(sequences)
    centers = fit_centers(vectors - vectors.mean(axis=0), groups, 5, np.random.default_rng(0))
    return adjusted_rand_score(truth, nearest_center(vectors - vectors.mean(axis=0), centers))


def test_the_order_of_events_parts_users_whom_no_count_tells_apart():
    # A chain and its reversal have the same counts in distribution: any grouping by counts is chance.
    sequences, truth = chains(60, 40, (1, 4))
    assert abs(agreement(sequences, truth, 2, encoder="aggregates")) < 0.05
    assert agreement(sequences, truth, 2, network="cnn", layers=2, epochs=6) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("encoder", "network", "epochs", "rate"),
    [
        ("coles", "gru", 15, 0.005),
        ("coles", "cnn", 10, 0.005),
        ("coles", "transformer", 15, 0.003),
        ("next_event", "gru", 40, 0.01),
        ("next_event", "cnn", 40, 0.01),
        ("masked_event", "gru", 40, 0.01),
        ("masked_event", "transformer", 40, 0.003),
    ],
)
def test_three_orders_are_found_by_every_objective(encoder, network, epochs, rate, seed):
    sequences, truth = chains(80, 60, (1, 2, 4), seed=seed)
    layers = 2 if network == "cnn" else 1
    found = agreement(
        sequences, truth, 3, encoder=encoder, network=network, layers=layers, epochs=epochs, learning_rate=rate
    )
    assert found > 0.8
    assert abs(agreement(sequences, truth, 3, encoder="aggregates")) < 0.1


def test_contrastive_loss_is_that_of_a_plain_loop():
    import torch

    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(9, 3))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    users = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    distance = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    alike = [distance[i, j] ** 2 for i in range(9) for j in range(i + 1, 9) if users[i] == users[j]]
    apart = []
    for i in range(9):
        strangers = sorted(distance[i, j] for j in range(9) if users[j] != users[i])
        apart += [max(0.0, 1.2 - d) ** 2 for d in strangers[:2]]
    found = contrastive_loss(torch.from_numpy(vectors), torch.from_numpy(users), 1.2, 2)
    assert float(found) == pytest.approx(np.mean(alike) + np.mean(apart), rel=1e-9)


def test_slices_lie_within_their_sequence_and_everywhere_in_it():
    lengths = np.repeat([2, 6, 10], 4000)
    first, drawn = drawn_slices(lengths, 3, 0.7, np.random.default_rng(0))
    assert np.all((first >= 0) & (first + drawn <= lengths))
    assert set(drawn[:4000]) == {2}
    assert set(drawn[4000:8000]) == {3, 4}
    share = np.bincount(drawn[8000:], minlength=8)[3:] / 4000
    np.testing.assert_allclose(share, 0.2, atol=0.03)  # 3 to 7, uniform; 4.7 standard errors
    sevens = first[8000:][drawn[8000:] == 7]
    np.testing.assert_allclose(np.bincount(sevens) / len(sevens), 0.25, atol=0.08)


def test_sequences_are_in_the_order_of_time_whatever_the_order_of_rows():
    data = tiny_dataset()
    vocabulary = EventVocabulary.of(data, "category", 500)
    assert vocabulary.tokens == ("books", "games", "garden")
    found = vocabulary.sequences(data)
    events = data.events
    for user in (0, 7, 31):
        rows = np.flatnonzero(events.user == user)
        own = found.take(np.array([user]))
        assert len(own.token) == len(rows)
        assert np.bincount(own.token, minlength=3).tolist() == [
            int((data.item_table.category[events.item[rows]] == c).sum()) for c in range(3)
        ]
        days = np.expm1(own.numbers[:, 1]).sum()
        span = (events.time[rows].max() - events.time[rows].min()) / MICROSECONDS_PER_DAY
        assert days == pytest.approx(span)
    order = np.random.default_rng(0).permutation(len(events))
    other = vocabulary.sequences(dataclasses.replace(data, events=events.where(np.ones(len(events), dtype=bool))))
    mixed = dataclasses.replace(
        events,
        **{
            name: getattr(events, name)[order]
            for name in ("user", "item", "kind", "time", "quantity", "amount", "order")
        },
        rating=None,
    )
    for shuffled in (other, vocabulary.sequences(dataclasses.replace(data, events=mixed))):
        np.testing.assert_array_equal(shuffled.token, found.token)
        np.testing.assert_array_equal(shuffled.numbers, found.numbers)


def test_unknown_categories_and_events_without_item_have_the_last_token():
    data = tiny_dataset()
    few = EventVocabulary.of(data, "category", 1)
    assert len(few.tokens) == 1
    item = data.events.item.copy()
    item[:3] = -1
    found = few.sequences(dataclasses.replace(data, events=dataclasses.replace(data.events, item=item)))
    assert set(found.token) == {0, 1}
    bare = dataclasses.replace(
        data, item_table=dataclasses.replace(data.item_table, categories=(), category=np.full(20, -1, dtype=np.int32))
    )
    assert set(EventVocabulary.of(bare, "category", 9).sequences(bare).token) == {0}
    assert len(EventVocabulary.of(data, "item", 500).tokens) == len(np.unique(data.events.item))


def test_cut_and_last_take_the_events_they_name():
    sequences, _ = chains(2, 7, (1, 2))
    cut = sequences.cut(np.array([3, 0]), np.array([2, 0]), np.array([4, 0]))
    np.testing.assert_array_equal(cut.token, sequences.token[3 * 7 + 2 : 3 * 7 + 6])
    assert cut.lengths.tolist() == [4, 0]
    np.testing.assert_array_equal(sequences.last(2).token, sequences.token.reshape(4, 7)[:, -2:].ravel())
    assert sequences.last(9).lengths.tolist() == [7] * 4


def test_aggregates_by_hand():
    numbers = np.array([[1.0, 0.0], [3.0, 2.0], [5.0, 4.0]])
    sequences = EventSequences(np.array([0, 1, 1]), np.array([0, 0, 1]), numbers, np.array([0, 2, 3, 3]))
    found = Aggregates(2, 1).embed(sequences)
    np.testing.assert_allclose(found[0], [0.5, 0.5, 0, 1, 0, 2, 1, 1, 1, np.log(3)])
    np.testing.assert_allclose(found[1], [0, 1, 0, 0, 1, 5, 4, 0, 0, np.log(2)])
    assert not found[2].any()


@pytest.mark.parametrize("network", ["gru", "cnn", "transformer"])
@pytest.mark.parametrize("encoder", ["coles", "next_event", "masked_event", "random"])
def test_vectors_hang_on_seed_and_own_events_alone(encoder, network):
    import torch

    sequences, _ = chains(8, 12, (1, 2))
    settings = EncoderSettings(encoder=encoder, network=network, epochs=1, size=8, max_length=10)
    before = torch.get_rng_state()
    made = [learn_encoder(sequences, 5, 1, settings, np.random.default_rng(3), QUIET) for _ in range(2)]
    assert torch.equal(before, torch.get_rng_state())
    first, second = (one.embed(sequences) for one in made)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (16, 8)
    alone = made[0].embed(sequences.take(np.array([5])))
    np.testing.assert_allclose(alone[0], first[5], atol=1e-6)
    longer = sequences.cut(np.array([5, 0]), np.array([0, 0]), np.array([12, 3]))  # padding changes nothing
    np.testing.assert_allclose(made[0].embed(longer)[0], first[5], atol=1e-6)
    nobody = EventSequences(sequences.token[:0], sequences.kind[:0], sequences.numbers[:0], np.array([0, 0]))
    assert not made[0].embed(nobody).any()
    if encoder in {"coles", "random"}:
        np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1.0)


@pytest.mark.parametrize("network", ["gru", "cnn", "transformer"])
def test_a_causal_state_has_seen_no_later_event(network):
    import torch

    from shop_models.encoders.network_module import Batch, EventNetwork, Events

    torch.manual_seed(0)
    sequences, _ = chains(1, 9, (1, 2))
    later = dataclasses.replace(sequences, token=np.where(np.arange(18) % 9 > 5, 4, sequences.token))
    changed = {}
    for causal in (True, False):
        net = EventNetwork(Events(5, 1, 8, torch.zeros(2), torch.ones(2)), network, size=8, layers=1, causal=causal)
        states = [net.states(net.events(batch), batch) for batch in (Batch.of(sequences), Batch.of(later))]
        changed[causal] = (states[0] - states[1]).abs().amax(dim=2)[:, :6].max().item()
    assert changed[True] < 1e-6
    assert changed[False] > 1e-4


def test_transitions_by_hand():
    sequences = EventSequences(np.array([0, 1, 0, 1, 1, 1]), np.zeros(6, int), np.zeros((6, 2)), np.array([0, 4, 6]))
    count = transition_counts(sequences, np.array([0, 1]), 2, 2)
    assert count[0].tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]
    assert count[1].tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    many, truth = chains(20, 30, (1, 4))
    said = striking_transitions(many, truth, 2, EventVocabulary("category", tuple("abcde"), ("view",)))
    for text, step in zip(said, (1, 4), strict=True):
        first, _, second = text.removeprefix("What follows what: ").split(" (")[0].split(" ")
        assert "abcde"[("abcde".index(first) + step) % 5] == second
    assert striking_transitions(many, np.zeros(40, int), 1, EventVocabulary("item", tuple("abcde"), ())) == ("",)


def test_coles_segments_a_log_by_order(tmp_path):
    data, truth = shop_of_chains()
    model = Coles(ColesConfig(network="cnn", layers=2, epochs=6, floor=20, splits=4, k_max=4, restarts=2))
    fit(model, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
    found = model.segment(data)
    assert adjusted_rand_score(truth, found.labels[:-1]) > 0.95
    assert found.labels[-1] == len(found.names) - 1
    assert found.names[-1] == FEW_EVENTS
    assert any(note.startswith("k = 2, chosen by stability") for note in found.notes)
    assert "What follows what" in found.descriptions[0]
    assert model.embed(data).shape == (len(data.users), 32)


def shop_of_chains():
    """60 users of each order in a log of views, and one user with a single event."""
    sequences, truth = chains(60, 40, (1, 4))
    rng = np.random.default_rng(0)
    users, events = len(truth), len(sequences.token)
    base = tiny_dataset()
    item = np.append(sequences.token, 0).astype(np.int32)
    user = np.append(sequences.rows(), users).astype(np.int32)
    time = base.as_of - MICROSECONDS_PER_DAY * 90 + np.arange(events + 1)
    table = dataclasses.replace(
        base.item_table,
        category=np.arange(5, dtype=np.int32),
        categories=tuple("abcde"),
        price=np.full(5, 100),
        text=("",) * 5,
    )
    one = dataclasses.replace(
        base.events,
        user=user,
        item=item,
        kind=np.zeros(events + 1, dtype=np.int8),
        time=time,
        quantity=np.ones(events + 1),
        amount=np.zeros(events + 1, dtype=np.int64),
        order=np.arange(events + 1),
        rating=None,
    )
    features = dataclasses.replace(base.features, values=rng.normal(size=(users + 1, len(base.features.names))))
    data = dataclasses.replace(
        base,
        users=np.array([f"u{u:04d}" for u in range(users + 1)]),
        items=np.array(list("vwxyz")),
        events=one,
        item_table=table,
        features=features,
        segments=None,
        segment_names=(),
    )
    return data, truth


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"encoder": "cole"}, "encoder is 'cole'.*Did you mean 'coles'"),
        ({"network": "lstm"}, "network is 'lstm'.*gru, cnn, transformer"),
        ({"size": 7}, "size is 7.*even"),
        ({"share": 1.0}, "share is 1"),
        ({"events": "price"}, "events is 'price'.*category, item"),
        ({"min_events": 1}, "min_events is 1.*2 or more"),
        ({"reference_draws": 3}, "reference_draws is 3"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
    ],
)
def test_impossible_configs_are_refused(params, message):
    with pytest.raises(ConfigError, match=message):
        ColesConfig(**params)


def test_what_cannot_be_learned_is_said(tmp_path):
    with pytest.raises(PluginError, match="before it was fitted"):
        Coles(ColesConfig()).segment(tiny_dataset())
    sequences, _ = chains(3, 1, (1, 2))
    with pytest.raises(DataError, match="no user has two events"):
        learn_encoder(sequences, 5, 1, EncoderSettings(), np.random.default_rng(0), QUIET)
    data = tiny_dataset()
    many = Coles(ColesConfig(encoder="random", k=9, min_events=30, size=4))
    with pytest.raises(ConfigError, match=r"k is 9, but only \d users have 30 events"):
        fit(many, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
