"""What an arm costs: the time and memory of its fit, the size of what was learned, the wait for one answer."""
