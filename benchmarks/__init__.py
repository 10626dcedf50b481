"""Measurements against other programs, run by hand: `python -m benchmarks`. Nothing here is a test."""
