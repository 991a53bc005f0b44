"""The API: REST, the portal and ForwardAuth, on FastAPI."""
