"""The S3 mount on Kubernetes: a node driver that alone is privileged, and a sidecar in each pod that serves the files.

Starts in an image of its own with nothing of Noteyard beside it, so it imports nothing else of it.
"""
