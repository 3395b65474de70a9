"""Policies: what to show out of a recommender's candidates, with which probability."""
