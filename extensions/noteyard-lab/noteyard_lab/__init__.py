"""Noteyard inside the environments people work in: runs, dashboards and the `yard` command."""
