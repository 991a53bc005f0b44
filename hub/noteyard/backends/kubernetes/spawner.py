"""JupyterHub's spawner on Kubernetes: KubeSpawner, with failures told in words within seconds.

KubeSpawner looks at the cluster through reflectors, which can lag behind, miss events, and give up when the Kubernetes
API was away. So that no lab is taken for dead by mistake, what they do not show is asked for, and a reflector that has
given up is made anew.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner

from noteyard.backends.kubernetes.cluster import AWAY, NOT_FOUND, refused
from noteyard.backends.kubernetes.homes import HomeState, ask_home, home_volumes
from noteyard.backends.kubernetes.image_pods import image_to_run
from noteyard.backends.kubernetes.lab_end import ended_in_time
from noteyard.backends.kubernetes.lab_environment import lab_environment
from noteyard.backends.kubernetes.lab_start import LabStart
from noteyard.backends.kubernetes.lab_troubles import LAB, exit_code, lab_has_ended
from noteyard.backends.kubernetes.manifests import NOT_MOVED, PERSON, resources, tolerations
from noteyard.backends.kubernetes.pinned_images import IMAGE, image_label, missing_image
from noteyard.backends.kubernetes.pod_states import why_it_ended
from noteyard.errors import NoteyardError
from noteyard.hub_pages import LabEnd, LabFailed, rescue_choice
from noteyard.lab_http import lab_answers
from noteyard.lab_profiles import ProfileChoice
from noteyard.names import host_label
from noteyard.profiles import choose_profile, title_of
from noteyard.settings import Profile
from noteyard.tokens import new_token

T = TypeVar("T")

LOOK_SECONDS = 0.2
LOG_LINES = 20
TAKEN_UP_AT_ONCE = 50
"""Labs that a hub looks for at the same time after its start: each is looked at again and again until it is found."""
LONGEST_DELAY = 5.0


class PodSpawner(ProfileChoice, KubeSpawner):  # type: ignore[misc]
    """A lab is a pod of the profile's image."""

    can_rescue = True
    _looking = asyncio.Semaphore(TAKEN_UP_AT_ONCE)
    _waiting = asyncio.Semaphore(TAKEN_UP_AT_ONCE)
    _gone: ClassVar[set[str]] = set()
    """Images by digest that no registry has any more, as starts of this hub have found."""
    home = HomeState()
    start_id = ""
    """Marks the pod of this start: one of an earlier start can still be there under the same name."""
    _starting: LabStart | None = None
    _rescue = False
    _asking_home: asyncio.Task[None] | None = None
    """Kept so that it is not collected before it ends."""

    async def load_user_options(self) -> None:
        """Take over the profile: its image, and what it gets of a node."""
        profile = self._profile()
        image = str(profile.image)
        self.storage_extra_labels = {PERSON: host_label(self.user.name)}
        self.extra_labels = self.storage_extra_labels | image_label(image)
        marks = {"noteyard/start": self.start_id, IMAGE: image}
        self.extra_annotations = {PERSON: self.user.name, **marks, **NOT_MOVED}
        wants = resources(profile)
        self.image = await image_to_run(self.api, self.settings.kubernetes, image, self._gone)
        self.cpu_limit, self.cpu_guarantee = profile.cpu, float(wants["requests"]["cpu"])
        # KubeSpawner's M is Kubernetes' Mi.
        self.mem_limit = f"{profile.memory_mb}M" if profile.memory_mb else None
        self.mem_guarantee = wants["requests"]["memory"].removesuffix("i")
        self.extra_resource_limits = {profile.gpu_resource: str(profile.gpus)} if profile.gpus else {}
        self.node_selector, self.tolerations = profile.node_selector, tolerations(profile)
        self.volumes, self.volume_mounts = home_volumes(self._rescue)

    async def start(self) -> str:
        """Returns the lab's internal URL once it answers. Raises LabFailed in words."""
        self.start_id, self.last_end = new_token()[:16], None
        self._rescue = bool(self.user_options.get("rescue"))
        # For this one start; what is kept here is the choice for the next one.
        kept = {name: value for name, value in self.user_options.items() if name != "rescue"}
        self.orm_spawner.user_options = kept
        self._starting = LabStart(self)
        try:
            self._profile()
            await self._watching()
            url = await self._starting.watched(self._starting.made_and_up(super().start()))
        except LabFailed:
            # Whoever presses the button again gets what the tag means by now.
            missing = missing_image(self.seen() or {})
            self._gone.update({missing} if missing is not None else ())
            raise
        except NoteyardError as error:
            raise LabFailed(f"Your lab can't be started. {error.message}", "lab-refused", hint=error.hint) from None
        except ApiException as error:
            said = refused(error)
            raise LabFailed(f"Your lab can't be started. {said.message}", "lab-refused", hint=said.hint) from None
        except AWAY as error:
            self.log.error("The cluster did not do what a lab's start needs: %r", error)
            hint = "Try again in a moment. If it stays so, tell an administrator."
            raise LabFailed("The cluster does not answer.", "lab-cluster-away", hint=hint) from None
        finally:
            self._starting = None
        # The lab asks the hub who asks it, which would keep its person waiting.
        self._asking_home = asyncio.create_task(self._keep_home(f"{url}{self.server.base_url}"))
        return url

    async def stop(self, now: bool = False) -> None:
        """End the lab within its grace, always: what it has not saved yet is somebody's work."""
        pod = self.seen()
        # The address of a pod that has ended may be another's by now, and the question carries the lab's token.
        if self.server and pod is not None and not lab_has_ended(pod):
            await self._ask_home(self.server.url)
        await self._watching()
        if not await ended_in_time(super().stop(now=False), self.seen):
            self.log.warning("The pod %s is past its grace, and its node does not tell of its end", self.pod_name)

    async def poll(self) -> int | None:
        """None while the lab runs or starts, else its exit code (1 when it is gone).

        Waits for as long as the Kubernetes API is away: JupyterHub takes an error for the lab's end.
        """
        pod = await self.known_pod()
        if pod is None:
            if self.orm_spawner.server is not None and self._starting is None:
                self._remember("Your lab was ended from outside: its pod was deleted.")
            return 1
        if not lab_has_ended(pod):
            # What the reflector does not show yet, KubeSpawner would take for gone.
            return await self._persistently(super().poll) if self.seen() is not None else None
        if self._starting is None:
            self._remember(f"Your lab has ended: {why_it_ended(pod)}.", await self.last_lines())
        await self._persistently(self.stop)
        return exit_code(pod)

    async def get_url(self) -> str:
        """Where the lab is. A hub that was killed while it started a lab waits for that lab to come up."""
        url: str = self.server.url
        # One look at each lab first: those that do not answer must not keep those that do from being used.
        async with self._looking:
            if await lab_answers(url):
                return url
        async with self._waiting:
            return await self._found_again()

    async def _make_create_pod_request(self, pod: Any, request_timeout: float) -> bool:
        made = bool(await super()._make_create_pod_request(pod, request_timeout))
        if made and self._starting is not None:
            self._starting.created()
        return made

    async def _found_again(self) -> str:
        url: str = self.server.url
        start = self._starting = LabStart(self)
        try:
            start.created()
            found = await start.watched(start.until_up())
        except (LabFailed, ApiException, *AWAY) as error:
            self.log.warning("The lab of %s did not come up: %s", self.user.name, error)
            return url
        finally:
            self._starting = None
        return found

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What the waiting page says."""
        told = None
        while True:
            stage = self._starting.stage() if self._starting is not None else None
            if stage is not None and stage != told:
                yield {"progress": stage.percent, "message": stage.sentence}
                told = stage
            await asyncio.sleep(LOOK_SECONDS)

    async def _keep_home(self, url: str) -> None:
        before = self.home
        await self._ask_home(url)
        if self.home != before and self.orm_spawner is not None:
            # JupyterHub kept the state before the lab had answered.
            self.orm_spawner.state = self.get_state()
            self.db.commit()

    async def _ask_home(self, url: str) -> None:
        self.home = await ask_home(url, self.api_token) or self.home

    async def get_options_form(self) -> str:
        """The choice of a profile and of a rescue start; empty when there is nothing to ask or to tell."""
        choice = await super().get_options_form()
        if not choice and not self.home.full:
            return ""
        return choice + rescue_choice(self.home.sentence)

    def get_env(self) -> dict[str, str]:
        own = lab_environment(self.settings, self.user.name, self._profile(), rescue=self._rescue)
        return {**super().get_env(), **own}

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        if self.last_end is not None:
            state["last_end"] = self.last_end.as_json()
        return {**state, "home": self.home.as_json()}

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        self.home = HomeState.of_json(state.get("home"))
        self.last_end = LabEnd.of_json(state.get("last_end"))

    def seen(self) -> Mapping[str, Any] | None:
        """The pod, as the reflector shows it: at once, and perhaps not what the API would say."""
        reflector = self.pod_reflector
        pod: Mapping[str, Any] | None = reflector.pods.get(f"{self.namespace}/{self.pod_name}") if reflector else None
        return pod

    async def look(self) -> Mapping[str, Any] | None:
        """The pod, as the reflector shows it or else as the API says; None when there is none."""
        await self._watching()
        seen = self.seen()
        if seen is not None:
            return seen
        try:
            pod = await self.api.read_namespaced_pod(self.pod_name, self.namespace)
        except ApiException as error:
            if error.status == NOT_FOUND:
                return None
            raise
        found: Mapping[str, Any] = self.api.api_client.sanitize_for_serialization(pod)
        return found

    async def known_pod(self) -> Mapping[str, Any] | None:
        """The pod, as `look` finds it; waits for as long as the Kubernetes API is away."""
        return await self._persistently(self.look)

    async def last_lines(self) -> str:
        """The end of the lab's log; empty when the pod is gone, and its log with it."""
        try:
            text = await self.api.read_namespaced_pod_log(
                self.pod_name, self.namespace, container=LAB, tail_lines=LOG_LINES
            )
        except (ApiException, *AWAY):
            return ""
        return str(text)

    def _remember(self, message: str, log: str = "") -> None:
        self.last_end = self.last_end or LabEnd(message, log)

    async def _watching(self) -> None:
        """A reflector of pods that works: one that has given up, or never began, is replaced."""
        reflector = self.pod_reflector
        task = reflector.watch_task if reflector is not None else None
        dead = reflector is not None and reflector.first_load_future.done() and (task is None or task.done())
        if dead:
            self.log.warning("Watching the pods of labs had ended; beginning anew")
        await self._start_watching_pods(replace=dead)

    async def _persistently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` returns, as soon as the Kubernetes API answers."""
        delay = 0.5
        while True:
            try:
                return await ask()
            except (ApiException, *AWAY) as error:
                self.log.warning("The Kubernetes API does not tell of the lab of %s: %r", self.user.name, error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    def _profile(self) -> Profile:
        profile = choose_profile(self.settings, self._person(), self.user_options.get("profile"))
        if profile.image is None:
            raise NoteyardError(
                f"The profile {title_of(profile)} has no image.", "An administrator sets it in the chart's values."
            )
        return profile
