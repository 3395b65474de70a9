"""Recommenders that are made of other recommenders."""
