"""Vectors of texts by a Transformers encoder: loaded, batched and pooled.

A text's vector is the mean of the encoder's last hidden states over its tokens, padding left out. Reference: Reimers,
Gurevych, "Sentence-BERT: Sentence embeddings using Siamese BERT-networks", EMNLP 2019, section 3 (MEAN pooling).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import UNKNOWN, ItemTable
from framework.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 10
"""How often the log says how far the encoding has come."""


@dataclass(frozen=True)
class TextEncoder:
    """An encoder by the folder that it was saved to, or by its name on a hub of models.

    `max_length`: tokens of a text that are read. `batch_size`: texts in one go. `local_files_only`: never look beyond
    this machine. `device`: "auto", "cpu", "cuda", "cuda:1", "mps" ...
    """

    name: str
    max_length: int = 128
    batch_size: int = 64
    local_files_only: bool = False
    device: str = "auto"

    def on(self, device: str) -> TextEncoder:
        """Return the same encoder, to run on that device."""
        return replace(self, device=device)

    def vectors(self, texts: Sequence[str], log: logging.Logger) -> NDArray[np.float32]:
        """Return a vector of each text (n, d), all 0 for a text without a word. Equal texts are encoded once.

        Raises:
            ConfigError: the encoder, or the device, is not to be had here.
        """
        import torch

        tokenizer, model = self._loaded()
        # Texts of like length go together, so that little is padded; the empty one needs no encoder.
        different = sorted({text.strip() for text in texts} - {""}, key=lambda text: (len(text), text))
        place = {text: row for row, text in enumerate(["", *different])}
        found = np.zeros((len(different) + 1, int(model.config.hidden_size)), dtype=np.float32)
        starts = range(0, len(different), self.batch_size)
        told = max(1, len(starts) // _STEPS)
        with torch.inference_mode():
            for number, start in enumerate(starts, 1):
                part = different[start : start + self.batch_size]
                batch = tokenizer(
                    part,
                    padding=True,
                    truncation=True,
                    max_length=self.max_length,
                    return_tensors="pt",
                ).to(model.device)
                hidden = model(**batch).last_hidden_state
                pooled = mean_over(hidden, batch["attention_mask"])
                found[start + 1 : start + 1 + len(part)] = pooled.float().cpu().numpy()
                if number % told == 0 or number == len(starts):
                    log.info("encoded %d of %d texts", start + len(part), len(different))
        return found[[place[text.strip()] for text in texts]]

    def _loaded(self) -> tuple[Any, Any]:
        """Return tokenizer and model, the latter in evaluation and on its device."""
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging as shown

        bars = shown.is_progress_bar_enabled()
        shown.disable_progress_bar()  # type: ignore[no-untyped-call] # the stage has its own line
        try:
            tokenizer = AutoTokenizer.from_pretrained(self.name, local_files_only=self.local_files_only)
            model = AutoModel.from_pretrained(self.name, local_files_only=self.local_files_only)
        except (OSError, ValueError, ImportError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            kind = "is a folder without a whole model" if Path(self.name).is_dir() else "cannot be had"
            where = " on this machine (local_files_only is true)" if self.local_files_only else ""
            raise ConfigError(
                f"The encoder '{self.name}' {kind}{where}: {reason}",
                allowed="a folder that a model of Transformers and its tokenizer were saved to, or a name to fetch",
                hint="Where there is no network, fetch it elsewhere, save both with save_pretrained(FOLDER), and name "
                "the folder.",
            ) from error
        finally:
            if bars:
                shown.enable_progress_bar()  # type: ignore[no-untyped-call]
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        device = self.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            return tokenizer, model.eval().to(device)
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"The encoder '{self.name}' cannot run on the device '{device}': {error}") from error


def mean_over(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (n, d) of the states (n, L, d) where `mask` (n, L) holds."""
    kept = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1.0)


def item_texts(table: ItemTable, *, category: bool) -> list[str]:
    """Return what is written of each item, behind it the name of its category where `category` holds."""
    names = [table.categories[place] if place != UNKNOWN else "" for place in table.category.tolist()]
    return [
        f"{text} {name}".strip() if category else text.strip() for text, name in zip(table.text, names, strict=True)
    ]
