"""How fast it is, as ratios to a hand-written floor measured in the same run: `make bench`."""
