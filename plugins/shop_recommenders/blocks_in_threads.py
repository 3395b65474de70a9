"""Work on blocks that share nothing, by as many threads as asked for: their number changes no result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Block = TypeVar("Block")


def each(work: Callable[[Block], None], blocks: Sequence[Block], threads: int) -> None:
    """Call `work` with every block. Raises what it raises of the first block that fails."""
    if threads == 1 or len(blocks) < 2:
        for block in blocks:
            work(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, blocks))
