"""Recommenders, a folder for each family: popularity, neighbours, linear, factors, graphs, autoencoders, sequences."""
