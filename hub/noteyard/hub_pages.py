"""What our spawners say on JupyterHub's pages: failures in words, and the choice of a profile."""

from collections.abc import Sequence

from jupyterhub.spawner import SpawnException
from markupsafe import Markup

from noteyard.profiles import title_of
from noteyard.settings import Profile


class LabFailed(SpawnException):  # type: ignore[misc]
    """A lab did not start. `reason` is a short label for metrics; `log` the end of the lab's log."""

    def __init__(self, message: str, reason: str, log: str = "") -> None:
        html = Markup("<p>{}</p>").format(message)
        if log:
            html += Markup("<p>The last lines of its log:</p><pre>{}</pre>").format(log)
        plain = f"{message} The last lines of its log:\n{log}" if log else message
        super().__init__(plain, reason=reason, message_html=str(html), status_code=500)
        # Where JupyterHub's page of a lab that is not running looks:
        self.jupyterhub_message = plain
        self.jupyterhub_html_message = str(html)


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
    sizes += [f"{profile.memory_mb} MiB memory"] if profile.memory_mb else []
    return Markup(
        '<label class="choice"><input type="radio" name="profile" value="{}"{}>'
        '<span><strong>{}</strong><span class="quiet">{}</span><span class="quiet">{}</span></span></label>'
    ).format(
        profile.name, Markup(" checked") if marked else "", title_of(profile), profile.description, " · ".join(sizes)
    )
