"""The portal's routes, all in one router."""

from fastapi import APIRouter

from noteyard.api.portal import (
    account,
    audit,
    dashboards,
    home,
    names,
    people,
    publishing,
    runs,
    schedule_form,
    schedules,
    start_run,
)

pages_router = APIRouter(include_in_schema=False)
for module in (home, start_run, runs, schedule_form, schedules, publishing, dashboards, people, audit, account, names):
    pages_router.include_router(module.router)
