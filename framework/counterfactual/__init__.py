"""Logged evidence: what a policy would have earned, from decisions of a shop that another policy took."""
