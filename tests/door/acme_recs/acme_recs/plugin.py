"""What Acme offers. Import nothing heavy here: targets are imported when a study names them."""

from framework import Component, hookimpl

PRELAUNCH_API = 1


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer one recommender and one metric."""
    return [
        Component("recommender", "acme_newest", "acme_recs.newest:Newest", "what was sold first most recently"),
        Component("metric", "acme_first", "acme_recs.first:First", "share of users who bought the first item"),
    ]
