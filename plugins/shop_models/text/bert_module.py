"""Encoders of texts with a head that gives one logit a text."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from shop_recommenders.content.text_vectors import mean_over


class MeanHead(nn.Module):
    """The mean of an encoder's last states, and a layer: every place of a short text says something of the label.

    A small encoder that was pretrained on hidden pieces alone has nothing to say at its first place yet, and takes most
    of a short fine-tuning to learn it (Reimers, Gurevych, EMNLP 2019, on means against the first place).
    """

    def __init__(self, encoder: Any, dropout: float = 0.1) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(int(encoder.config.hidden_size), 1))

    def forward(self, ids: Tensor, seen: Tensor) -> Tensor:
        """Return the logits (B,) of ids (B, L), `seen` being 1 where there is a piece."""
        states = self.encoder(input_ids=ids, attention_mask=seen).last_hidden_state
        found: Tensor = self.head(mean_over(states, seen)).squeeze(-1)
        return found


class OwnHead(nn.Module):
    """A sequence classifier of Transformers with two classes, whatever its own head is."""

    def __init__(self, classifier: Any) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, ids: Tensor, seen: Tensor) -> Tensor:
        """Return the logits (B,): that of the second class less that of the first."""
        logits = self.classifier(input_ids=ids, attention_mask=seen).logits
        found: Tensor = logits[:, 1] - logits[:, 0]
        return found
