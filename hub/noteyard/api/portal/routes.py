"""The portal's routes, all in one router."""

from fastapi import APIRouter

from noteyard.api.portal import dashboards, home, publishing, runs, schedule_form, schedules, start_run

pages_router = APIRouter(include_in_schema=False)
for module in (home, dashboards, publishing, start_run, runs, schedule_form, schedules):
    pages_router.include_router(module.router)
