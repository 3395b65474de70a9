"""Vectors of users, learned from the order of their events without any label."""
