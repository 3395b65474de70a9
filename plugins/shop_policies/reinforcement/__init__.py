"""Policies that weigh what a page leads to: agents of reinforcement learning, online and from a log."""
