"""Recommenders: popularity in three forms, item neighbours, matrix factorisation."""
