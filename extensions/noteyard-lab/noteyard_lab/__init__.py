"""Noteyard inside the environments people work in: runs, dashboards and the `yard` command."""

from noteyard_lab.viewer import viewer

__all__ = ["viewer"]
