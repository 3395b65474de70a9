"""Effects within segments that cannot be estimated: the analysis goes on without them, and says so once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from framework.errors import TrialError
from framework.stats.decision.rule import listed

SHOWN = 3


@dataclass
class LeftOut:
    """Collects the segments in which a metric has no effect of a treatment, with the reason of the first."""

    segments: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)

    @contextmanager
    def at(self, metric: str, treatment: str, segment: str | None) -> Iterator[None]:
        """Hold one estimate: what cannot be estimated in a segment is left out, over all units it stays an error."""
        try:
            yield
        except TrialError as error:
            if segment is None:
                raise
            self.segments.setdefault((metric, treatment), []).append(segment)
            self.reasons.setdefault((metric, treatment), error.what)

    def warnings(self) -> list[str]:
        """Return one text for each treatment and set of segments."""
        metrics: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (metric, treatment), own in self.segments.items():
            metrics.setdefault((treatment, tuple(own)), []).append(metric)
        found = []
        for (treatment, segments), names in metrics.items():
            more = f" and {len(segments) - SHOWN} more" if len(segments) > SHOWN else ""
            where = ", ".join(segments[:SHOWN]) + more
            why = self.reasons[names[0], treatment]
            found.append(f"No effect of {treatment} on {listed(names)} in segment {where}: {why}.")
        return found
