"""Strategies in, outcomes of every unit out."""
