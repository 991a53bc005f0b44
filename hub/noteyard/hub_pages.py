"""What our spawners say on JupyterHub's pages: failures in words, and the choice of a profile."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jupyterhub.spawner import SpawnException
from markupsafe import Markup

from noteyard.profiles import title_of
from noteyard.settings import Profile
from noteyard.sizes import in_words

REPAIRABLE = frozenset({"lab-exited", "lab-silent", "lab-home-full"})
"""Failures that something in the person's home can be the reason of."""


class LabFailed(SpawnException):  # type: ignore[misc]
    """A lab did not start.

    `reason` is a short label for metrics; `log` the end of the lab's log; `hint` the next step; `detail` what the
    system said, for an administrator.
    """

    def __init__(self, message: str, reason: str, log: str = "", *, hint: str | None = None, detail: str = "") -> None:
        html = Markup("<p>{}</p>").format(message)
        if hint:
            html += Markup("<p>{}</p>").format(hint)
        if detail:
            html += Markup("<details><summary>For an administrator</summary><pre>{}</pre></details>").format(detail)
        html += last_lines(log)
        said = f"{message} {hint}" if hint else message
        plain = "\n".join([f"{said} ({detail})" if detail else said, *_log_text(log)])
        super().__init__(plain, reason=reason, message_html=str(html), status_code=500)
        self.repairable = reason in REPAIRABLE
        # Where JupyterHub's page of a lab that is not running looks:
        self.jupyterhub_message = plain
        self.jupyterhub_html_message = str(html)


@dataclass(frozen=True)
class LabEnd:
    """How a lab ended that nobody had asked to: a sentence, and the end of its log."""

    message: str
    log: str = ""

    @property
    def html(self) -> Markup:
        return Markup("<p>{}</p>").format(self.message) + last_lines(self.log)

    def as_json(self) -> dict[str, str]:
        return asdict(self)

    @staticmethod
    def of_json(stored: Any) -> "LabEnd | None":
        return LabEnd(**stored) if stored else None


def last_lines(log: str) -> Markup:
    """The end of a log on a page; nothing when there is none."""
    return Markup("<p>The last lines of its log:</p><pre>{}</pre>").format(log) if log else Markup("")


def _log_text(log: str) -> list[str]:
    return [f"The last lines of its log:\n{log}"] if log else []


def rescue_choice(told: str) -> str:
    """The field of the form that asks for a rescue start; in sight when there is something to tell of the home."""
    field = Markup(
        '<label class="choice"><input type="checkbox" name="rescue" value="yes">'
        "<span><strong>Rescue start</strong>"
        '<span class="quiet">With an empty home, and yours in the folder my-home beside it: to delete files when it is '
        "full, or to mend settings that keep your lab from starting.</span></span></label>"
    )
    if told:
        return str(Markup('<div class="note warn" role="status"><p>{}</p></div>{}').format(told, field))
    return str(
        Markup('<details class="field"><summary>When your lab does not start</summary>{}</details>').format(field)
    )


def profile_choice(profiles: Sequence[Profile], chosen: str | None) -> str:
    """The fields of the form that asks for a profile; the first one, or the one chosen last, is marked."""
    names = [profile.name for profile in profiles]
    marked = chosen if chosen in names else names[0]
    choices = (_choice(profile, profile.name == marked) for profile in profiles)
    return str(
        Markup('<fieldset class="choices"><legend>Profile</legend>{}</fieldset>').format(Markup("").join(choices))
    )


def _choice(profile: Profile, marked: bool) -> Markup:
    sizes = [f"{profile.cpu:g} CPU"] if profile.cpu else []
    sizes += [f"{in_words(profile.memory_mb * 1024**2)} memory"] if profile.memory_mb else []
    sizes += [f"{profile.gpus} GPU{'s' if profile.gpus > 1 else ''}"] if profile.gpus else []
    return Markup(
        '<label class="choice"><input type="radio" name="profile" value="{}"{}>'
        '<span><strong>{}</strong><span class="quiet">{}</span><span class="quiet">{}</span></span></label>'
    ).format(
        profile.name, Markup(" checked") if marked else "", title_of(profile), profile.description, " · ".join(sizes)
    )
