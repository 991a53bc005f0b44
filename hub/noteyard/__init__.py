"""Noteyard, hub side: hub, API, controller and command line."""

__version__ = "0.1.0"
