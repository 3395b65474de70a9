"""Uplift: what a treatment changes of each unit's outcome, learned from a test."""
