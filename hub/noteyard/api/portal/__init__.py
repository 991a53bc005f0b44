"""The portal: pages for people, rendered on the server."""

from fastapi import APIRouter

from noteyard.api.portal import home, runs

pages_router = APIRouter(include_in_schema=False)
for module in (home, runs):
    pages_router.include_router(module.router)
