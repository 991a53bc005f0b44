"""Alerts of schedules by REST and in the portal: what is refused when it is saved, and what did not arrive."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.controller.notifications import deliver
from noteyard.settings import Mail, Webhooks
from noteyard.store import Database
from noteyard.store.alerts import alert_missed, alert_test
from noteyard.store.tables import Schedule
from noteyard.store.types import now
from sqlalchemy import select

from tests.support.app import HUB, api, browser
from tests.support.receivers import HttpReceiver, MailServer
from tests.support.rows import add_person
from tests.support.scripted import ScriptedRunner, context
from tests.support.upload import release_of, schedule_of


def test_mail_is_not_promised_where_none_is_sent(ada: TestClient) -> None:
    release = release_of(ada, "1")
    body = {"name": "nightly", "release": release, "cron": "0 6 * * *", "timezone": "UTC"}
    alerts = {"alerts": {"mail": ["ada@example.org"], "webhooks": []}}
    refused = ada.post("/api/v1/schedules", json={**body, **alerts})
    path = f"/api/v1/schedules/{ada.post('/api/v1/schedules', json=body).json()['id']}"
    for answer in (refused, ada.patch(path, json=alerts)):
        assert answer.status_code == 422
        said = "this installation sends no mail yet: an administrator has to set mail.host"
        assert answer.json()["fields"] == [{"field": "alerts.mail", "message": said}]
    assert ada.get(path).json()["alerts"]["mail"] == []


def test_a_webhook_to_a_private_address_is_refused_when_it_is_saved(ada: TestClient) -> None:
    made = schedule_of(ada, timezone="UTC")
    body = {name: made[name] for name in ("name", "release", "cron", "timezone")}
    urls = ["https://hooks.example.org/x", "http://10.1.2.3/hook", "http://localhost:8000/hook", "https://"]
    alerts = {"alerts": {"mail": [], "webhooks": urls}}
    path = f"/api/v1/schedules/{made['id']}"
    what = "a private or reserved address. Use a public address"
    for answer in (ada.post("/api/v1/schedules", json={**body, **alerts}), ada.patch(path, json=alerts)):
        assert answer.status_code == 422
        assert answer.json()["fields"] == [
            {
                "field": f"alerts.webhooks.{index}",
                "message": f"{host} is {what}, or ask an administrator to add it to webhooks.allow_private.",
            }
            for index, host in ((1, "10.1.2.3"), (2, "localhost"))
        ] + [
            {
                "field": "alerts.webhooks.3",
                "message": "A webhook's URL begins with https:// or http:// and a host. Correct it in the schedule.",
            }
        ]
    assert ada.get(path).json()["alerts"]["webhooks"] == []


def test_a_webhook_that_was_saved_before_keeps_no_change_out(app: FastAPI, ada: TestClient) -> None:
    made = schedule_of(ada, timezone="UTC")
    alerts = {"mail": [], "webhooks": ["http://10.1.2.3/hook"]}
    with app.state.database.write() as session:
        session.get_one(Schedule, made["id"]).alerts = alerts
    changed = ada.patch(f"/api/v1/schedules/{made['id']}", json={"name": "weekly", "alerts": alerts})
    assert (changed.status_code, changed.json()["name"]) == (200, "weekly")


@pytest.mark.parametrize("odd", ["https://bot:a[b@hooks.example.org/x", "https://[x]@hooks.example.org/"])
def test_a_webhook_that_is_written_oddly_hides_no_schedule(app: FastAPI, ada: TestClient, odd: str) -> None:
    made = schedule_of(ada, alerts={"mail": [], "webhooks": [odd]})
    shares = [{"kind": "person", "name": "bob", "role": "viewer"}]
    ada.put(f"/api/v1/schedules/{made['id']}/shares", json={"shares": shares})
    (seen,) = browser(app, "bob").get("/api/v1/schedules").json()["items"]
    assert seen["alerts"]["webhooks"] == ["https://hooks.example.org/…"]


async def test_what_did_not_arrive_is_told_where_the_schedule_is_looked_at(tmp_path: Path) -> None:
    settings = {"webhooks": Webhooks(allow_private=["127.0.0.1"])}
    with api(tmp_path, **settings) as app, HttpReceiver().serving() as receiver:
        database: Database = app.state.database
        with database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob")
        ada = browser(app, "ada")
        path = f"/api/v1/schedules/{schedule_of(ada, timezone='UTC')['id']}"
        url = f"http://127.0.0.1:{receiver.port}/secret"
        ada.patch(path, json={"alerts": {"mail": [], "webhooks": [url]}})
        ada.put(f"{path}/shares", json={"shares": [{"kind": "person", "name": "bob", "role": "viewer"}]})
        receiver.answers.append((404, ""))
        with database.write() as session:
            missed = session.scalars(select(Schedule)).one()
            alert_missed(session, missed, [now()], "Noteyard was not running.")
        await deliver(context(database, tmp_path, ScriptedRunner(), **settings))
        (item,) = ada.get(path).json()["undelivered"]
        assert {name: item[name] for name in ("channel", "target", "event", "run", "error", "tries", "next_try")} == {
            "channel": "webhook",
            "target": f"127.0.0.1:{receiver.port}",
            "event": "fire.missed",
            "run": None,
            "error": "The server answered 404.",
            "tries": 1,
            "next_try": None,
        }
        assert ada.get("/api/v1/schedules").json()["items"][0]["undelivered"] == [item]
        page = browser(app, "bob").get(path.replace("/api/v1", "/portal"))
        assert "Alerts that did not arrive" in page.text
        assert "The server answered 404." in page.text
        assert "1 try, the last at" in page.text and "given up" in page.text
        assert "A wrong address can be corrected by ada." in page.text
        assert "secret" not in page.text
        assert "alerts fail" in ada.get("/portal/schedules").text


async def test_a_test_reaches_whom_the_alerts_name_once_a_minute(tmp_path: Path) -> None:
    with MailServer().serving() as mail, HttpReceiver().serving() as receiver:
        settings = {
            "webhooks": Webhooks(allow_private=["127.0.0.1"]),
            "mail": Mail(host="127.0.0.1", port=mail.port),
        }
        with api(tmp_path, **settings) as app:
            with app.state.database.write() as session:
                add_person(session, "ada")
                add_person(session, "bob")
            ada = browser(app, "ada")
            path = f"/api/v1/schedules/{schedule_of(ada, timezone='UTC')['id']}"
            refused = ada.post(f"{path}/alerts/test")
            assert (refused.status_code, refused.json()["detail"]) == (409, "Its alerts name nobody.")
            url = f"http://127.0.0.1:{receiver.port}/hook"
            ada.patch(path, json={"alerts": {"mail": ["ada@example.org"], "webhooks": [url]}})
            ada.put(f"{path}/shares", json={"shares": [{"kind": "person", "name": "bob", "role": "viewer"}]})
            assert browser(app, "bob").post(f"{path}/alerts/test").status_code == 403
            page = path.replace("/api/v1", "/portal")
            assert "Send a test" in ada.get(page).text
            assert "Send a test" not in browser(app, "bob").get(page).text
            assert ada.post(f"{page}/alerts/test", headers={"Origin": HUB}).status_code == 303
            with app.state.database.write() as session:
                once = session.scalars(select(Schedule)).one()
                alert_test(session, once, now().replace(second=0))
                alert_test(session, once, now().replace(second=59))
            await deliver(context(app.state.database, tmp_path, ScriptedRunner(), **settings))
        sent = {mail["Message-ID"] for _, mail in mail.mails}
        assert [mail["Subject"] for _, mail in mail.mails][:1] == ["Test: nightly"]
        assert len(mail.mails) == len(sent) <= 2, "the minute may have changed in between"
        assert receiver.hooks[0].body["event"] == "alert.test"
        assert receiver.hooks[0].body["run"] is receiver.hooks[0].body["missed"] is None
        assert "This tests the alerts of “nightly”; nothing has happened to it." in receiver.hooks[0].body["text"]
