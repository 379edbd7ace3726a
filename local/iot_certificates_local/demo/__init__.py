"""The three stories of `make demo`."""
