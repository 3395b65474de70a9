"""Slates of several places, whose weights grow with every place that they count."""
