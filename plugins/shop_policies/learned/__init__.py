"""Policies learned from a log of decisions that another policy took."""
