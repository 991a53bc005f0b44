"""Kubernetes: labs, runs and dashboards are pods in a namespace of their own."""
