"""A WordPiece tokenizer of the texts at hand; Chinese characters are words of their own.

Pieces are joined as byte pair encoding joins characters: the most frequent pair of neighbours within words first. Ties
go to the pair that comes first in the alphabet; the trainer of the package `tokenizers` breaks them by chance, and with
that gives other models for the same texts. References: Schuster, Nakajima, "Japanese and Korean voice search", ICASSP
2012; Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units", ACL 2016, algorithm 1.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Pair = tuple[str, str]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
INSIDE = "##"
"""What a piece begins with that does not begin a word."""
LONGEST = 100
"""Characters beyond which a word is unknown, as in BERT's tokenizer."""


def trained_word_pieces(texts: Sequence[str], pieces: int, max_length: int) -> Any:
    """Return a Transformers tokenizer of at most `pieces` pieces, learned from the texts in lower case."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    lower, parted = BertNormalizer(lowercase=True, handle_chinese_chars=True), BertPreTokenizer()
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word for word, _ in parted.pre_tokenize_str(lower.normalize_str(text)) if len(word) <= LONGEST)
    vocabulary = [*SPECIAL, *joined_pieces(words, pieces - len(SPECIAL))]
    place = {piece: number for number, piece in enumerate(vocabulary)}
    made = Tokenizer(WordPiece(place, unk_token="[UNK]", max_input_chars_per_word=LONGEST))  # noqa: S106 - of text
    made.normalizer, made.pre_tokenizer = lower, parted
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, place[name]) for name in ("[CLS]", "[SEP]")]
    )
    pad, unk, cls, sep, mask = SPECIAL
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        pad_token=pad,
        unk_token=unk,
        cls_token=cls,
        sep_token=sep,
        mask_token=mask,
        model_max_length=max_length,
    )


def joined_pieces(words: Mapping[str, int], most: int) -> list[str]:
    """Return at most `most` pieces of `words` (with how often each comes): characters first, then what was joined.

    Where there are more characters than that, the most frequent ones stay. A pair must come twice to be joined.
    """
    parts = {word: [word[0], *(INSIDE + letter for letter in word[1:])] for word in words if word}
    letters, count, where = _counted(words, parts)
    found = sorted(sorted(letters, key=lambda piece: (-letters[piece], piece))[:most])
    known = set(found)
    heap = [(-number, pair) for pair, number in count.items()]
    heapq.heapify(heap)
    while heap and len(found) < most:
        number, pair = heapq.heappop(heap)
        if count[pair] != -number:  # it has changed since, and stands elsewhere in the heap
            continue
        if count[pair] < 2:
            break
        piece = pair[0] + pair[1].removeprefix(INSIDE)
        if piece not in known:
            known.add(piece)
            found.append(piece)
        changed = set()
        for word in where.pop(pair):
            changed |= _join(word, words[word], parts, pair, piece, count, where)
        count.pop(pair, None)
        for other in changed - {pair}:
            if count[other] > 0:
                heapq.heappush(heap, (-count[other], other))
    return found


def _counted(
    words: Mapping[str, int], parts: Mapping[str, list[str]]
) -> tuple[Counter[str], Counter[Pair], defaultdict[Pair, set[str]]]:
    """Return how often each character and each pair comes, and in which words each pair does."""
    letters: Counter[str] = Counter()
    count: Counter[Pair] = Counter()
    where: defaultdict[Pair, set[str]] = defaultdict(set)
    for word, own in parts.items():
        for piece in own:
            letters[piece] += words[word]
        for pair in pairwise(own):
            count[pair] += words[word]
            where[pair].add(word)
    return letters, count, where


def _join(
    word: str,
    times: int,
    parts: dict[str, list[str]],
    pair: Pair,
    piece: str,
    count: Counter[Pair],
    where: defaultdict[Pair, set[str]],
) -> set[Pair]:
    """Join a pair within a word, and return the pairs whose counts that changes."""
    before = parts[word]
    after: list[str] = []
    place = 0
    while place < len(before):
        if tuple(before[place : place + 2]) == pair:
            after.append(piece)
            place += 2
        else:
            after.append(before[place])
            place += 1
    old, new = list(pairwise(before)), list(pairwise(after))
    for own in old:
        count[own] -= times
    for own in new:
        count[own] += times
        where[own].add(word)
    parts[word] = after
    return {*old, *new}
