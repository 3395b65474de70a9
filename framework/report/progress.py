"""Progress of the stages, on stderr: a bar each in a terminal, one plain line each elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text


@dataclass(frozen=True)
class Progress:
    """Shows one stage after the other. `bars` is None where nobody watches: then each stage gets a line at its end."""

    console: Console
    bars: Bars | None = None

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Hold a stage; what it gives counts one of `total` steps done (None: their number is not known).

        A stage left by an exception keeps its bar where it stood, and gets no line that it was done.
        """
        if self.bars is None:
            started = time.perf_counter()
            yield lambda: None
            self.console.print(Text(f"{title}: {time.perf_counter() - started:.1f} s"), soft_wrap=True)
            return
        bars = self.bars
        task = bars.add_task(title, total=total)
        done = False
        try:
            yield lambda: bars.advance(task)
            done = True
        finally:
            if done:
                bars.update(task, total=1 if total is None else total, completed=1 if total is None else total)
            bars.stop_task(task)


@contextmanager
def stages(console: Console | None = None) -> Iterator[Progress]:
    """Open the display of a run's stages on `console`, stderr where none is given, so that stdout stays clean."""
    console = console or Console(stderr=True, highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield Progress(console)
        return
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=console) as bars:
        yield Progress(console, bars)
