"""The portal's routes, all in one router."""

from fastapi import APIRouter

from noteyard.api.portal import home, runs

pages_router = APIRouter(include_in_schema=False)
for module in (home, runs):
    pages_router.include_router(module.router)
