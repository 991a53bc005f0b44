"""The base of the settings' sections: an option that does not exist is a mistake."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")
