"""Settings of people's JupyterLab servers."""

from pathlib import Path

from pydantic import Field, field_validator

from noteyard.settings_section import Section


class Labs(Section):
    """People's JupyterLab servers."""

    idle_minutes: int = Field(
        default=120, ge=1, description="An idle lab (no busy kernel, no active terminal) stops after this."
    )
    start_timeout_seconds: int = Field(
        default=60, ge=5, description="A lab that is not up after this has failed to start."
    )
    example: Path | None = Field(
        default=None,
        description="Folder, as labs see it, that is copied once into each person's; empty: Noteyard's worked example.",
    )
    spares: int = Field(
        default=1,
        ge=0,
        le=20,
        description="Labs' processes kept ready for each environment (on one machine): a lab is up sooner. "
        "Each holds about 110 MB; 0: none.",
    )

    @field_validator("example")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_absolute():
            raise ValueError("must be an absolute path, as labs see it, e.g. /srv/example")
        return value

    def environment(self) -> dict[str, str]:
        """Variables by which these options reach a lab."""
        example = {"NOTEYARD_EXAMPLE": str(self.example)} if self.example else {}
        # Often enough not to be taken for idle while they work.
        report = max(5, min(300, self.idle_minutes * 60 // 4))
        return {"JUPYTERHUB_ACTIVITY_INTERVAL": str(report), **example}
