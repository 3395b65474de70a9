"""Unit outcomes in, effects and verdicts out. Pure functions of numbers: no files, no config, no plugins."""
