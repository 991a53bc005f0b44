"""`python -m noteyard.controller`: fires schedules, starts and watches runs, keeps dashboards, delivers alerts."""

import asyncio
import signal

from noteyard.backends import platform
from noteyard.controller.context import Context
from noteyard.controller.health import Pulse, serve_health
from noteyard.controller.images import note_images
from noteyard.controller.leader import lead
from noteyard.controller.loops import Loop, run_loops
from noteyard.controller.measurements import measure
from noteyard.controller.notifications import deliver
from noteyard.controller.people import PeopleLoop
from noteyard.controller.purging import PurgeLoop
from noteyard.controller.reporting import Reporting
from noteyard.controller.retention import expire
from noteyard.controller.runs import RunLoop
from noteyard.controller.schedules import ScheduleLoop
from noteyard.controller.watch import Watch
from noteyard.controller.workloads import WorkloadLoop
from noteyard.hub_client import HubClient
from noteyard.instance import Instance
from noteyard.logs import configure
from noteyard.object_store import stored_objects
from noteyard.settings import Settings
from noteyard.settings_file import load
from noteyard.store import Database
from noteyard.urls import PublicUrls


def main() -> None:
    """Work until SIGTERM or SIGINT. Runs and dashboards go on; the next controller adopts them."""
    settings = load()
    configure(settings.log_level)
    pulse = Pulse()
    serve_health(pulse, *Instance.of(settings).listens("controller"))
    asyncio.run(_work(settings, pulse))


async def _work(settings: Settings, pulse: Pulse) -> None:
    instance = Instance.of(settings)
    urls = PublicUrls.of(settings)
    database = Database(settings.database_url or instance.database_url)
    measure(database)
    hub = HubClient(instance.internal_url("hub"), instance.secret("hub-api"), urls.hub)
    reporting = Reporting(instance.internal_url("api"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def work(epoch: int) -> None:
        shape = platform(settings)
        context = Context(
            settings,
            instance,
            database,
            stored_objects(settings, instance),
            urls,
            shape.runner(),
            shape.workload_host(),
            epoch,
            instance.began(),
        )
        purges = PurgeLoop(context, hub, shape)
        shapes = [
            Loop("purges", purges.turn, 1.0),
            Loop("labs", lambda: shape.sweep_labs(hub.has_lab), 60.0),
            Loop("images", lambda: note_images(context, shape), 15.0),
            Loop("tidying", shape.tidy, 3600.0),
        ]
        try:
            await run_loops([*_loops(context, hub, reporting), *shapes])
        finally:
            await shape.close()

    try:
        await lead(database, work, stop, pulse)
    finally:
        await hub.http.aclose()
        await reporting.http.aclose()
        database.close()


def _loops(context: Context, hub: HubClient, reporting: Reporting) -> list[Loop]:
    def watch() -> Watch:
        return Watch(counts=lambda: reporting.works)

    return [
        Loop("reporting", reporting.turn, 5.0),
        Loop("schedules", ScheduleLoop(context).turn, 0.5),
        Loop("runs", RunLoop(context, watch()).turn, 0.25),
        Loop("dashboards", WorkloadLoop(context, watch()).turn, 0.5),
        Loop("notifications", lambda: deliver(context), 1.0),
        Loop("people", PeopleLoop(context, hub).turn, 1.0),
        Loop("retention", lambda: expire(context), 600.0),
    ]


if __name__ == "__main__":
    main()
