"""Trajectories: decisions that change what comes next."""
