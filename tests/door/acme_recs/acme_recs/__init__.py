"""Acme's components for prelaunch."""
