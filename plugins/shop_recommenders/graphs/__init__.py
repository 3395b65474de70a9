"""Vectors of users and items that are learned along the graph of who bought what."""
