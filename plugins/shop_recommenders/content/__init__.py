"""Recommenders that know items by what is written of them: text, category, price, image."""
