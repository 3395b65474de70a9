"""Simulators: how users respond to what they are shown."""
