"""Words and pairs of words, weighted by how rare they are, in a logistic regression.

References: Salton, Buckley, "Term-weighting approaches in automatic text retrieval", Information Processing and
Management 1988; Wang, Manning, "Baselines and bigrams", ACL 2012, on how strong this is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from framework.errors import ConfigError
from shop_models.text.read import texts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from framework.records import Context, FeatureRows

TOKEN = "(?u)[\u3400-\u9fff]|[^\\W\u3400-\u9fff]{2,}"  # noqa: S105 - of text
"""A word of two letters or digits or more; a Chinese character is one by itself, and two make a pair."""


@dataclass(frozen=True)
class TfidfLogisticConfig:
    """The `words` that come most often, in `least` texts or more; `pairs` counts neighbours too; `strength` is C."""

    words: int = 50_000
    least: int = 2
    pairs: bool = True
    strength: float = 3.0

    def __post_init__(self) -> None:
        if self.words < 1 or self.least < 1 or not self.strength > 0:
            raise ConfigError(
                f"tfidf_logistic has words {self.words}, least {self.least}, strength {self.strength:g}",
                allowed="integers from 1, a strength above 0",
            )


class TfidfLogistic:
    """The baseline of every text classifier: seconds, and hard to beat on short reviews."""

    Config = TfidfLogisticConfig
    reads = "text"
    CHOICES: ClassVar[tuple[dict[str, Any], ...]] = ({"strength": 1.0}, {"strength": 3.0}, {"strength": 10.0})

    def __init__(self, config: TfidfLogisticConfig) -> None:
        self.config = config

    def fit(
        self,
        rows: FeatureRows,
        label: NDArray[np.bool_],
        weight: NDArray[np.float64],
        context: Context,  # noqa: ARG002 - nothing is drawn
    ) -> None:
        """Learn from rows (n,). Raises DataError where the file has no text."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        texts = texts_of(rows, "tfidf_logistic")
        config = self.config
        self.words = TfidfVectorizer(
            token_pattern=TOKEN,
            ngram_range=(1, 2 if config.pairs else 1),
            # What no two texts share is left out, unless that leaves nothing.
            min_df=config.least if len(texts) >= 100 else 1,
            max_features=config.words,
            sublinear_tf=True,
        )
        found = self.words.fit_transform(texts)
        with threadpool_limits(limits=1):
            self.model = LogisticRegression(C=config.strength, max_iter=1000).fit(found, label, sample_weight=weight)

    def probability(self, rows: FeatureRows) -> NDArray[np.float64]:
        """Return each text's probability (m,)."""
        found = self.words.transform(texts_of(rows, "tfidf_logistic"))
        return np.asarray(self.model.predict_proba(found)[:, 1], dtype=np.float64)
