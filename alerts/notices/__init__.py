"""Notices outside of the console: what is told, to whom, how fast, and what became of it."""
