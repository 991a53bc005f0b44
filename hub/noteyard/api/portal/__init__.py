"""The portal: pages for people, rendered on the server, alive by htmx."""

from fastapi import APIRouter

pages_router = APIRouter(include_in_schema=False)
