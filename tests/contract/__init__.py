"""One suite for every implementation of the protocols in backends/base.py."""
