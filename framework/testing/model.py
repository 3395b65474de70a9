"""Conformance suite of models: every user in one named segment, the same one every time."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.config import TrainerConfig
from framework.kinds import Model, NeuralModel
from framework.records import Segmentation
from framework.testing.component import ComponentTests
from framework.testing.fingerprint import fingerprint, shuffled
from framework.testing.tiny import tiny_context, tiny_dataset
from framework.training.fit import fit

if TYPE_CHECKING:
    from pathlib import Path

    from framework.data.tables import Dataset


class ModelTests(ComponentTests):
    """Subclass it for a model; see `ComponentTests` for the attributes. `epochs` are those of each of its trainings."""

    kind: ClassVar[str] = "model"
    epochs: ClassVar[int] = 2

    def data(self) -> Dataset:
        """Return the data set to fit on; override where a model needs more users."""
        return dataclasses.replace(tiny_dataset(), segments=None, segment_names=())

    def fitted(self, folder: Path, data: Dataset | None = None) -> Any:
        """Return a fresh model, fitted with an equally seeded generator each time."""
        model = self.make()
        trainer = TrainerConfig(accelerator="cpu", epochs=self.epochs)
        fit(model, self.data() if data is None else data, tiny_context(folder), trainer)
        return model

    def test_has_the_methods_of_a_model(self) -> None:
        """A model is one by its methods."""
        assert isinstance(self.make(), Model | NeuralModel)

    def test_segments_cover_every_user(self, tmp_path: Path) -> None:
        """Labels are int32 places in `names`, one a user; names are distinct and each has a description."""
        data = self.data()
        found = self.fitted(tmp_path).segment(data)
        assert isinstance(found, Segmentation)
        assert found.labels.shape == (len(data.users),)
        assert found.labels.dtype == np.int32
        assert found.labels.min() >= 0
        assert found.labels.max() < len(found.names)
        assert len(set(found.names)) == len(found.names)
        assert len(found.descriptions) == len(found.names)
        assert all(text.strip() for text in (*found.names, *found.descriptions))

    def test_same_seed_same_segments(self, tmp_path: Path) -> None:
        """Equal data and generator give an equal segmentation, and asking twice changes nothing."""
        model = self.fitted(tmp_path)
        first = fingerprint(model.segment(self.data()))
        assert fingerprint(model.segment(self.data())) == first
        assert fingerprint(self.fitted(tmp_path).segment(self.data())) == first

    def test_data_stay_as_they_are(self, tmp_path: Path) -> None:
        """Neither fit nor segment changes the arrays of the data set."""
        data = self.data()
        before = fingerprint(data)
        self.fitted(tmp_path, data).segment(data)
        assert fingerprint(data) == before

    def test_order_of_rows_means_nothing(self, tmp_path: Path) -> None:
        """The same events in another order give the same segments."""
        data = self.data()
        first = self.fitted(tmp_path, data).segment(data)
        other = self.fitted(tmp_path, shuffled(data)).segment(shuffled(data, seed=1))
        assert fingerprint(other) == fingerprint(first)

    def test_segments_users_that_fit_did_not_see(self, tmp_path: Path) -> None:
        """A model fitted on one log segments the users of another."""
        other = tiny_dataset(seed=1, users=25)
        found = self.fitted(tmp_path).segment(other)
        assert found.labels.shape == (25,)
        assert found.labels.min() >= 0
        assert found.labels.max() < len(found.names)
