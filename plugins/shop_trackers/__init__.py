"""Trackers: places where a team keeps its runs side by side."""
