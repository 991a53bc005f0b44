"""The launcher of one dashboard: renders a published notebook once and serves live Voila sessions of it.

Started as `python -m noteyard_lab.dashboard --workload ID` by Noteyard; see `launcher` for the order of things.
"""
