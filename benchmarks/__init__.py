"""Noteyard measured beside the alternatives; docs/benchmarks.md says how."""
