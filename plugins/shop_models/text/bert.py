"""BERT, fine-tuned: from a checkpoint of Transformers, or from a small one pretrained on the texts that it learns from.

Reference: Devlin, Chang, Lee, Toutanova, "BERT: Pre-training of deep bidirectional transformers for language
understanding", NAACL 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.errors import ConfigError
from shop_models.classifiers.epochs import Epochs, answered, seeded, train
from shop_models.text.masked_words import pretrain
from shop_models.text.read import texts_of
from shop_models.text.token_rows import TokenRows
from shop_models.text.word_pieces import SPECIAL, trained_word_pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context, FeatureRows


@dataclass(frozen=True)
class BertConfig:
    """Which encoder, and how it is fine-tuned.

    `checkpoint`: a folder that a model of Transformers and its tokenizer were saved to, or a name to fetch them by
    (`local_files_only`: never fetch). null makes a small one: `pieces` word pieces learned from the texts, `layers` of
    `heads` over states of `size`, pretrained for `pretrain_epochs` by masked pieces at `pretrain_rate`. All of that,
    the pieces too, sees the texts of the learning part only. Fine-tuning: AdamW over at most `epochs`, whose rate rises
    over a tenth of the steps and falls on a line; given up after `patience` epochs without a better dev loss. The small
    one is read by the mean of its states, a checkpoint as its own head does.
    `max_length` pieces of a text are read.
    """

    checkpoint: str | None = None
    local_files_only: bool = False
    max_length: int = 64
    pieces: int = 4000
    size: int = 64
    layers: int = 2
    heads: int = 2
    pretrain_epochs: int = 5
    pretrain_rate: float = 0.001
    epochs: int = 6
    batch_size: int = 32
    learning_rate: float = 0.001
    weight_decay: float = 0.01
    patience: int = 2

    def __post_init__(self) -> None:
        self.schedule().check("bert")
        for name, least in (("max_length", 3), ("pieces", 10), ("size", 1), ("layers", 1), ("pretrain_epochs", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"bert's {name} is {getattr(self, name)}", allowed=f"an integer from {least}")
        if self.heads < 1 or self.size % self.heads:
            raise ConfigError(f"bert has size {self.size} and {self.heads} heads", allowed="heads that divide the size")
        if not self.pretrain_rate > 0:
            raise ConfigError(f"bert's pretrain_rate is {self.pretrain_rate:g}", allowed="a number above 0")

    def schedule(self) -> Epochs:
        """Return how it is fine-tuned."""
        return Epochs(self.epochs, self.batch_size, self.learning_rate, self.weight_decay, self.patience, warmup=0.1)


class Bert:
    """A Transformers encoder with a new head. `curve` tells its epochs, `pretraining` the losses before them.

    A published checkpoint wants a learning_rate of 2e-5 to 5e-5 (the paper, appendix A.3).
    """

    Config = BertConfig
    reads = "text"
    CHOICES: ClassVar[Sequence[dict[str, Any]]] = ()

    def __init__(self, config: BertConfig) -> None:
        self.config = config
        self.curve: tuple[Mapping[str, float], ...] = ()
        self.pretraining: tuple[float, ...] = ()

    def fit(self, rows: FeatureRows, label: NDArray[np.bool_], weight: NDArray[np.float64], context: Context) -> None:
        """Learn from rows (n,).

        Raises:
            ConfigError: the checkpoint is not to be had here.
            DataError: the file has no text.
        """
        texts = texts_of(rows, "bert")
        config = self.config
        with seeded(context.rng):
            if config.checkpoint is None:
                self.tokenizer, self.model = self._small(texts, context)
            else:
                self.tokenizer, self.model = _loaded(config)
            tokens = TokenRows.of(self.tokenizer, texts, config.max_length)
            self.curve = train(
                self.model,
                lambda places: self._logits(tokens, places),
                tokens.lengths,
                label,
                weight,
                config.schedule(),
                context.rng,
                context.log,
            )

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each text's probability (m,)."""
        tokens = TokenRows.of(self.tokenizer, texts_of(rows, "bert"), self.config.max_length)
        # Texts of like length go together, so that little is padded.
        order = np.argsort(tokens.lengths, kind="stable")
        found = np.empty(len(tokens))
        found[order] = answered(lambda places: self._logits(tokens, order[places]), len(tokens), 128)
        return found

    def _logits(self, tokens: TokenRows, rows: NDArray[np.intp]) -> Any:
        import torch

        ids, seen = tokens.padded(rows)
        return self.model(torch.from_numpy(ids), torch.from_numpy(seen))

    def _small(self, texts: Sequence[str], context: Context) -> tuple[Any, Any]:
        from transformers import BertConfig as Shape
        from transformers import BertForMaskedLM

        from shop_models.text.bert_module import MeanHead

        config = self.config
        tokenizer = trained_word_pieces(texts, config.pieces, config.max_length)
        shape = Shape(
            vocab_size=len(tokenizer),
            hidden_size=config.size,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=4 * config.size,
            max_position_embeddings=config.max_length,
            type_vocab_size=1,
            pad_token_id=tokenizer.pad_token_id,
        )
        said = BertForMaskedLM(shape)
        if config.pretrain_epochs:
            self.pretraining = pretrain(
                said,
                TokenRows.of(tokenizer, texts, config.max_length),
                len(SPECIAL),
                int(tokenizer.mask_token_id),
                epochs=config.pretrain_epochs,
                batch_size=config.batch_size,
                learning_rate=config.pretrain_rate,
                rng=context.rng,
                log=context.log,
            )
        return tokenizer, MeanHead(said.bert)


def _loaded(config: BertConfig) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging as shown

    from shop_models.text.bert_module import OwnHead

    bars = shown.is_progress_bar_enabled()
    shown.disable_progress_bar()  # type: ignore[no-untyped-call] # a fold has its own line
    name, local = str(config.checkpoint), config.local_files_only
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=local)
        model = AutoModelForSequenceClassification.from_pretrained(
            name, num_labels=2, local_files_only=local, ignore_mismatched_sizes=True
        )
    except (OSError, ValueError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(
            f"bert's checkpoint '{name}' {'is no whole model' if Path(name).is_dir() else 'cannot be had'}: {reason}",
            allowed="a folder that a model of Transformers and its tokenizer were saved to, or a name to fetch",
            hint="Set it to null to pretrain a small one on the texts at hand.",
        ) from error
    finally:
        if bars:
            shown.enable_progress_bar()  # type: ignore[no-untyped-call]
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        model.config.pad_token_id = tokenizer.pad_token_id
    return tokenizer, OwnHead(model.float())
