"""Segmentations side by side: are the groups real, the same next time, short to say, and worth knowing?"""
