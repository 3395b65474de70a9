"""What Acme offers. Import nothing heavy here: targets are imported when a study names them."""

from framework import Component, hookimpl

PRELAUNCH_API = 1


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer two recommenders, one of them neural, and a metric."""
    return [
        Component("recommender", "acme_newest", "acme_recs.newest:Newest", "what was sold first most recently"),
        Component("recommender", "acme_taste", "acme_recs.taste:Taste", "vectors of users and items", needs=("torch",)),
        Component("metric", "acme_first", "acme_recs.first:First", "share of users who bought the first item"),
    ]
