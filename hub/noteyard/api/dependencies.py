"""What routes take from the app: the parts it was made with."""

from typing import Annotated, cast

from fastapi import Depends, Request

from noteyard.hub_client import HubClient
from noteyard.instance import Instance
from noteyard.objects import Objects
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.urls import PublicUrls


def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def _database(request: Request) -> Database:
    return cast(Database, request.app.state.database)


def _objects(request: Request) -> Objects:
    return cast(Objects, request.app.state.objects)


def _urls(request: Request) -> PublicUrls:
    return cast(PublicUrls, request.app.state.urls)


def _hub(request: Request) -> HubClient:
    return cast(HubClient, request.app.state.hub)


def _instance(request: Request) -> Instance:
    return cast(Instance, request.app.state.instance)


def _request_id(request: Request) -> str:
    return cast(str, request.state.request_id)


Config = Annotated[Settings, Depends(_settings)]
Db = Annotated[Database, Depends(_database)]
Store = Annotated[Objects, Depends(_objects)]
Urls = Annotated[PublicUrls, Depends(_urls)]
Hub = Annotated[HubClient, Depends(_hub)]
Installation = Annotated[Instance, Depends(_instance)]
RequestId = Annotated[str, Depends(_request_id)]
