"""Is the trial what it claims to be, and can its intervals be trusted?"""

from framework.stats.health.sample_ratio import sample_ratio

__all__ = ["sample_ratio"]
