"""Errors that a user can act on: what is wrong, what is allowed, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PrelaunchError(Exception):
    """Base of every error that prelaunch raises on purpose.

    The message joins up to three parts: what is wrong (with the value, and the row, column or key where it
    stands), what is allowed, and what to do next.
    """

    def __init__(self, what: str, *, allowed: Iterable[str] | str | None = None, hint: str | None = None) -> None:
        self.what = what
        self.allowed = allowed if isinstance(allowed, str) or allowed is None else ", ".join(allowed)
        self.hint = hint
        parts = [what if what.endswith((".", "!", "?")) else what + "."]
        if self.allowed:
            parts.append(f"Allowed: {self.allowed}.")
        if hint:
            parts.append(hint)
        super().__init__(" ".join(parts))


class ConfigError(PrelaunchError):
    """A study or an override asks for something that cannot be."""


class DataError(PrelaunchError):
    """The event log, or a file that should hold one, cannot be used as it is."""


class PluginError(PrelaunchError):
    """A plugin, or a component that one offers, is missing, broken or in conflict."""


class TrialError(PrelaunchError):
    """A trial cannot be held or cannot be judged."""


class RunError(PrelaunchError):
    """A run folder cannot be written, or what it holds cannot be used."""


def nearest(word: str, options: Iterable[str]) -> str | None:
    """Return the option that is spelled most like `word`, or None where none is near."""
    found = difflib.get_close_matches(word, list(options), n=1, cutoff=0.5)
    return found[0] if found else None


def did_you_mean(word: str, options: Iterable[str]) -> str | None:
    """Return "Did you mean 'x'?" for the nearest option, or None where none is near."""
    match = nearest(word, options)
    return f"Did you mean '{match}'?" if match is not None else None
