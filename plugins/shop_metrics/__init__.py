"""Metrics that read a trial's outcomes: accuracy, beyond accuracy, business."""
