"""Rerankers: a recommender's candidates in another order, for diversity or by what the shop wants."""
