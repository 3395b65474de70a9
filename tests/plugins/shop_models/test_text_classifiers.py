from itertools import pairwise

import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from framework.records import FeatureRows
from framework.testing import tiny_context, tiny_rows
from shop_models.classifiers.epochs import kept_back
from shop_models.text.bert import Bert, BertConfig
from shop_models.text.masked_words import hide
from shop_models.text.tfidf_logistic import TfidfLogistic, TfidfLogisticConfig
from shop_models.text.token_rows import TokenRows
from shop_models.text.word_pieces import INSIDE, joined_pieces, trained_word_pieces

SMALL = {"size": 16, "layers": 1, "pieces": 60, "pretrain_epochs": 1, "epochs": 2, "learning_rate": 0.005}


def only_texts(*texts):
    return FeatureRows(np.zeros((len(texts), 0)), (), np.zeros((len(texts), 0), dtype=np.int32), (), (), texts)


def test_word_pieces_part_chinese_characters_and_join_english_words():
    texts = ["the dress is lovely", "衣服很好", "the dresses are lovely", "衣服不好"] * 10
    tokenizer = trained_word_pieces(texts, 200, 16)
    assert tokenizer.tokenize("LOVELY") == ["lovely"]
    assert tokenizer.tokenize("衣服好") == ["衣", "服", "好"]
    assert tokenizer("the dress")["input_ids"][0] == tokenizer.cls_token_id
    assert tokenizer.tokenize("衣龘") == ["衣", "[UNK]"]
    rows = TokenRows.of(tokenizer, [*texts, "the " * 50], 16)
    ids, seen = rows.padded(np.array([0, 40]))
    assert ids.shape == (2, 16)
    assert seen.sum(axis=1).tolist() == [6, 16]
    assert ids[1, -1] == tokenizer.sep_token_id
    again = trained_word_pieces(texts, 200, 16)
    assert again.get_vocab() == tokenizer.get_vocab()


def plainly_joined(words, most):
    """Sennrich's algorithm 1, all pairs counted anew for every piece."""
    parts = {word: [word[0], *(INSIDE + letter for letter in word[1:])] for word in words}
    found = sorted({piece for own in parts.values() for piece in own})
    while len(found) < most:
        count = {}
        for word, own in parts.items():
            for pair in pairwise(own):
                count[pair] = count.get(pair, 0) + words[word]
        if not count or max(count.values()) < 2:
            break
        best = min(count, key=lambda pair: (-count[pair], pair))
        piece = best[0] + best[1].removeprefix(INSIDE)
        if piece not in found:
            found.append(piece)
        for word, own in parts.items():
            joined, place = [], 0
            while place < len(own):
                here = tuple(own[place : place + 2]) == best
                joined.append(piece if here else own[place])
                place += 2 if here else 1
            parts[word] = joined
    return found


@pytest.mark.parametrize("seed", range(4))
def test_pieces_are_those_of_the_plain_algorithm(seed):
    rng = np.random.default_rng(seed)
    words = {"".join(rng.choice(list("abc"), rng.integers(1, 9))): int(rng.integers(1, 6)) for _ in range(60)}
    assert joined_pieces(words, 70) == plainly_joined(words, 70)
    assert joined_pieces(words, 3) == sorted(joined_pieces(words, 3))


def test_hidden_pieces_are_as_many_as_the_paper_says():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 1000, (400, 100))
    shown, hidden = hide(ids, 5, 4, 1000, rng)
    assert not hidden[ids < 5].any()
    np.testing.assert_array_equal(shown[~hidden], ids[~hidden])
    assert hidden[ids >= 5].mean() == pytest.approx(0.15, abs=0.006)  # 40,000 pieces: error 0.0018
    masked, same = shown[hidden] == 4, shown[hidden] == ids[hidden]
    assert masked.mean() == pytest.approx(0.8, abs=0.02)
    assert same.mean() == pytest.approx(0.1, abs=0.015)


def test_rows_kept_back_have_both_classes():
    label = np.arange(100) < 12
    own, dev = kept_back(label, np.random.default_rng(0))
    assert sorted([*own, *dev]) == list(range(100))
    assert label[dev].sum() == 1
    assert (~label[dev]).sum() == 9


def test_pretraining_learns_and_the_curve_counts_epochs(tmp_path):
    rows, label = tiny_rows()
    made = Bert(BertConfig(**{**SMALL, "pretrain_epochs": 6, "pretrain_rate": 0.01}))
    made.fit(rows, label, np.ones(len(rows)), tiny_context(tmp_path))
    assert len(made.pretraining) == 6
    assert made.pretraining[-1] < made.pretraining[0] - 0.2
    assert [entry["epoch"] for entry in made.curve] == [1, 2]


def test_a_checkpoint_is_fine_tuned(tmp_path):
    rows, label = tiny_rows()
    small = Bert(BertConfig(**SMALL))
    small.fit(rows, label, np.ones(len(rows)), tiny_context(tmp_path))
    small.model.encoder.save_pretrained(tmp_path / "saved")
    small.tokenizer.save_pretrained(tmp_path / "saved")
    settings = {"checkpoint": str(tmp_path / "saved"), "epochs": 3, "learning_rate": 0.005, "local_files_only": True}
    tuned = Bert(BertConfig(**settings))
    tuned.fit(rows, label, np.ones(len(rows)), tiny_context(tmp_path))
    assert not tuned.pretraining
    assert tuned.model.classifier.config.hidden_size == 16
    found = tuned.probability(rows)
    assert np.mean((found >= 0.5) == label) > 0.85


def test_tfidf_is_scikit_learns_on_words_and_pairs(tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    rows, label = tiny_rows()
    english = only_texts(*(" ".join(word for word in text.split() if word.isascii()) for text in rows.texts))
    made = TfidfLogistic(TfidfLogisticConfig(strength=2.0))
    made.fit(english, label, np.ones(len(label)), tiny_context(tmp_path))
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    theirs = LogisticRegression(C=2.0, max_iter=1000).fit(words.fit_transform(english.texts), label)
    expected = theirs.predict_proba(words.transform(english.texts))[:, 1]
    np.testing.assert_allclose(made.probability(english), expected, atol=1e-9)


def test_chinese_is_read_by_character_and_pair(tmp_path):
    texts = only_texts(*(["不好看", "好看"] * 30))
    label = np.arange(60) % 2 == 1
    made = TfidfLogistic(TfidfLogisticConfig(least=1))
    made.fit(texts, label, np.ones(60), tiny_context(tmp_path))
    assert set(made.words.get_feature_names_out()) == {"不", "好", "看", "不 好", "好 看"}
    assert made.probability(only_texts("真好看", "真不好")).round().tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"size": 10, "heads": 3}, "size 10 and 3 heads"),
        ({"max_length": 2}, "max_length is 2.*from 3"),
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
    ],
)
def test_impossible_configs_are_refused(params, message):
    with pytest.raises(ConfigError, match=message):
        BertConfig(**params)


def test_what_is_not_there_is_told(tmp_path):
    rows, label = tiny_rows(rows=30)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty' is no whole model.*Set it to null"):
        Bert(BertConfig(checkpoint=str(tmp_path / "empty"), local_files_only=True)).fit(
            rows, label, np.ones(30), tiny_context(tmp_path)
        )
    table = FeatureRows(rows.numbers, rows.number_names, rows.categories, rows.category_names, rows.levels)
    with pytest.raises(DataError, match="reads texts, and these rows have none"):
        Bert(BertConfig()).fit(table, label, np.ones(30), tiny_context(tmp_path))
