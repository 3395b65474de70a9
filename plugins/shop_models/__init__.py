"""Models that put users into segments, by rules, by groups among them, by what they will be worth; uplift learners."""
