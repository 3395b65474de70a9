"""The same test again and again, with a known answer: replications of a trial from its moments."""
