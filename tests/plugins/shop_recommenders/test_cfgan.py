"""CFGAN against its losses written out row by row, its turns against steps by hand, and on planted preferences."""

import dataclasses

import numpy as np
import pytest
import torch

from framework.config import TrainerConfig
from framework.errors import ConfigError, DataError
from framework.testing import fingerprint, tiny_context, tiny_dataset, tiny_queries
from framework.training.fit import fit
from shop_recommenders.autoencoders.cfgan import Cfgan, CfganConfig

SMALL = {"hidden_size": 5, "discriminator_hidden_size": 4, "batch_size": 16}
CPU = TrainerConfig(accelerator="cpu")


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def _networks(weights):
    """The generator, and the discriminator's log odds, of one row at a time."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def generator(row):
        hidden = _sigmoid(row @ w["generator.hidden"] + w["generator.hidden_bias"])
        return w["generator.output"] @ hidden + w["generator.output_bias"]

    def discriminator(vector, row):
        hidden = _sigmoid(w["discriminator.hidden"] @ np.concatenate([row, vector]) + w["discriminator.hidden_bias"])
        return (w["discriminator.output"] @ hidden + w["discriminator.output_bias"])[0]

    return generator, discriminator


def _module(context, **params):
    model = Cfgan(CfganConfig(**{**SMALL, **params}))
    training = model.training(tiny_dataset(1), context)
    return training.module, next(iter(training.loader))


@pytest.mark.reference
@pytest.mark.parametrize("rows", ["users", "items"])
def test_losses_are_the_papers(context, rows):
    module, batch = _module(context, rows=rows, zeros_weight=0.7)
    dense = module.dense(*batch)
    torch.manual_seed(1)
    mask, zeros = module.mask(dense, 0.5), module.mask(dense, 0.3) - dense
    generator, discriminator = _networks(module.weights())
    of_discriminator, of_generator = [], []
    for r, m, z in zip(*(part.numpy().astype(np.float64) for part in (dense, mask, zeros)), strict=True):
        made = generator(r)
        true, false = _sigmoid(discriminator(r, r)), _sigmoid(discriminator(made * m, r))
        of_discriminator.append(-np.log(true) - np.log(1.0 - false))
        of_generator.append(-np.log(false) + 0.7 * sum(made[j] ** 2 for j in range(len(r)) if z[j]))
    found = float(module.discriminator_loss(dense, mask).detach())
    assert found == pytest.approx(np.mean(of_discriminator), rel=1e-5)
    found = float(module.generator_loss(dense, mask, zeros).detach())
    assert found == pytest.approx(np.mean(of_generator), rel=1e-5)


def test_rows_hold_what_was_bought(context):
    data = tiny_dataset(1)
    bought = data.matrix(binary=True).toarray()
    for rows, whole in (("users", bought), ("items", bought.T)):
        module, batch = _module(context, rows=rows, batch_size=1000)
        found = module.dense(*batch).numpy()
        expected = whole[whole.any(axis=1)]
        assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, expected.tolist()))


def test_masks_hold_what_is_bought_and_a_share_of_the_rest(context):
    """Over 400 draws the share is that asked for, within five standard errors; at 0 and 1 exactly."""
    module, batch = _module(context, rows="users")
    dense = module.dense(*batch)
    assert torch.equal(module.mask(dense, 0.0), dense)
    assert bool((module.mask(dense, 1.0) == 1.0).all())
    torch.manual_seed(0)
    masks = torch.stack([module.mask(dense, 0.3) for _ in range(400)])
    assert bool((masks[:, dense > 0] == 1.0).all())
    rest = masks[:, dense == 0]
    assert float(rest.mean()) == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / rest.numel()))


@pytest.mark.parametrize("turns", [(1, 1), (2, 3)])
def test_each_takes_its_steps_and_leaves_the_other_alone(tmp_path, turns):
    """Against plain Adam on the losses, on one batch of one epoch."""
    data = tiny_dataset(1)
    config = CfganConfig(
        **{**SMALL, "batch_size": 1000},
        rows="users",
        discriminator_steps=turns[0],
        generator_steps=turns[1],
        learning_rate=0.01,
        discriminator_learning_rate=0.02,
        regularization=0.1,
        discriminator_regularization=0.2,
        masking_ratio=1.0,  # draws nothing
        zeros_ratio=1.0,
        epochs=1,
    )
    by_hand = Cfgan(config).training(data, tiny_context(tmp_path / "hand"))
    module, batch = by_hand.module, next(iter(by_hand.loader))
    rows = module.dense(*batch)
    ones = torch.ones_like(rows)
    adams = [
        torch.optim.Adam(module.discriminator.parameters(), lr=0.02, weight_decay=0.2),
        torch.optim.Adam(module.generator.parameters(), lr=0.01, weight_decay=0.1),
    ]
    losses = [lambda: module.discriminator_loss(rows, ones), lambda: module.generator_loss(rows, ones, ones - rows)]
    for adam, loss, steps in zip(adams, losses, turns, strict=True):
        for _ in range(steps):
            module.zero_grad()
            loss().backward()
            adam.step()
    model = Cfgan(config)
    (tmp_path / "fit").mkdir()
    record = fit(model, data, tiny_context(tmp_path / "fit"), CPU)
    for name, expected in module.weights().items():
        np.testing.assert_allclose(model._module.weights()[name], expected, rtol=1e-5, atol=1e-7)
    assert record.curve[0].loss is not None
    assert record.parameters == sum(array.size for array in module.weights().values())


@pytest.mark.parametrize("rows", ["users", "items"])
def test_scores_are_what_the_generator_makes(context, rows):
    data = tiny_dataset(1)
    model = Cfgan(CfganConfig(**SMALL, rows=rows))
    fit(model, data, context, dataclasses.replace(CPU, epochs=2))
    generator, _ = _networks(model._module.weights())
    bought = data.matrix(binary=True).toarray().astype(np.float64)
    made = np.array([generator(row) for row in (bought if rows == "users" else bought.T)])
    scores = (made if rows == "users" else made.T)[np.flatnonzero(bought.any(axis=1))]
    scores[:, ~bought.any(axis=0)] = -np.inf
    slates = model.recommend(tiny_queries(data).take(np.flatnonzero(bought.any(axis=1))), 10)
    np.testing.assert_allclose(slates.scores, -np.sort(-scores, axis=1)[:, :10], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", ["users", "items"])
def test_planted_blocks_are_recovered(log_of, ask, context, rows):
    """Users of each half bought a random half of their own ten items; their slates must hold the rest of them."""
    rng = np.random.default_rng(0)
    events = [(user, int(item) + 10 * (user // 30)) for user in range(60) for item in rng.choice(10, 5, replace=False)]
    config = CfganConfig(
        rows=rows,
        hidden_size=8,
        discriminator_hidden_size=10,
        masking_ratio=0.5,
        zeros_ratio=0.5,
        zeros_weight=0.1,
        learning_rate=0.01,
        discriminator_learning_rate=0.01,
        batch_size=10,
    )
    model = Cfgan(config)
    fit(model, log_of(events, users=60, items=20), context, dataclasses.replace(CPU, epochs=40))
    slates = model.recommend(ask(list(range(60))), 10)
    assert (slates.items // 10 == np.arange(60)[:, None] // 30).mean() > 0.95
    history = np.array([[-1, 2, 7], [-1, 12, 17], [-1, -1, -1]], np.int32)
    told = model.recommend(dataclasses.replace(ask([-1, -1, -1]), history=history), 10)
    assert told.fallback.tolist() == ([False, False, True] if rows == "users" else [True] * 3)
    if rows == "users":
        assert (told.items[:2] // 10 == [[0], [1]]).mean() > 0.9


@pytest.mark.parametrize("rows", ["users", "items"])
def test_unbought_items_come_last_and_company_does_not_change_a_byte(log_of, ask, context, rows):
    data = log_of([(0, 3), (0, 1), (1, 3), (2, 0, 1, "view")], users=3, items=5)
    model = Cfgan(CfganConfig(**SMALL, rows=rows))
    fit(model, data, context, dataclasses.replace(CPU, epochs=1))
    queries = ask([0, 1, 2, -1])
    slates = model.recommend(queries, 5)
    assert slates.items[:, 2:].tolist() == [[0, 2, 4]] * 4
    assert slates.fallback.tolist() == [False, False, True, True]
    for rows_ in ([0], [1], [1, 0]):
        part = model.recommend(queries.take(np.array(rows_)), 5)
        assert part.scores.tobytes() == slates.scores[rows_].tobytes()
    restored = Cfgan(model.config)
    restored.restore(dict(model.state()))
    assert fingerprint(restored.recommend(queries, 5)) == fingerprint(slates)


class _StoppedError(Exception):
    pass


def test_stopped_fit_goes_on_as_if_unbroken(tmp_path):
    """Both optimisers' states travel in the checkpoint: bit for bit the weights of a fit that nobody stopped."""
    data, config = tiny_dataset(1), CfganConfig(**SMALL, rows="users", epochs=4, generator_steps=2, learning_rate=0.01)
    looks: list[int] = []

    def look(stop_at):
        looks.append(1)
        if len(looks) == stop_at:
            raise _StoppedError
        return float(len(looks))

    for name in ("stopped", "whole"):
        (tmp_path / name).mkdir()
    with pytest.raises(_StoppedError):
        fit(Cfgan(config), data, tiny_context(tmp_path / "stopped"), CPU, validation=lambda: look(3))
    models = {name: Cfgan(config) for name in ("stopped", "whole")}
    looks[:] = [1, 1]
    record = fit(models["stopped"], data, tiny_context(tmp_path / "stopped"), CPU, validation=lambda: look(0))
    assert len(looks) == 4  # the first two epochs were not trained again
    looks.clear()
    whole = fit(models["whole"], data, tiny_context(tmp_path / "whole"), CPU, validation=lambda: look(0))
    assert fingerprint(dict(models["stopped"].state())) == fingerprint(dict(models["whole"].state()))
    assert record.curve == whole.curve


@pytest.mark.parametrize("asked", [{"gradient_clip_val": 1.0}, {"accumulate_grad_batches": 2}])
def test_gradients_are_neither_clipped_nor_added_up_for_it(context, asked):
    with pytest.raises(ConfigError, match=f"trainer.{next(iter(asked))} is .* take their steps by turns"):
        fit(Cfgan(CfganConfig(**SMALL)), tiny_dataset(1), context, dataclasses.replace(CPU, **asked))


def test_what_cannot_be_learned_from_is_refused(log_of, context):
    with pytest.raises(DataError, match="cfgan learns from events of the kind view"):
        Cfgan(CfganConfig(kinds=["view"])).training(log_of([(0, 1)], users=2, items=3), context)
    for wrong in ({"masking_ratio": 1.5}, {"learning_rate": 0.0}, {"zeros_weight": -1.0}, {"rows": "baskets"}):
        with pytest.raises(ConfigError, match=f"cfgan's {next(iter(wrong))}"):
            CfganConfig(**wrong)
