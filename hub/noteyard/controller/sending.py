"""Sends one message of the outbox, by mail or webhook. Its identity stays the same however often it is tried."""

import asyncio
import functools
import hashlib
import json
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib
import certifi
import httpx

from noteyard.notifications import Alert, mail_text, subject, webhook_body
from noteyard.settings import Settings
from noteyard.store.tables import Message
from noteyard.urls import PublicUrls
from noteyard.webhook_target import WebhookRefused, resolve

TIMEOUT_SECONDS = 10.0
RETRIED_ANSWERS = frozenset({408, 425, 429})


class NotSent(Exception):
    """A try failed. `for_good`: trying again is of no use. `server`: nothing else will get through there now."""

    def __init__(self, reason: str, *, for_good: bool = False, server: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good
        self.server = server


def identity(message: Message) -> str:
    """What a receiver can know a repeated message by."""
    return hashlib.sha256(message.dedupe.encode()).hexdigest()[:32]


async def send(message: Message, settings: Settings, urls: PublicUrls) -> None:
    """Send a message; raises NotSent."""
    if message.channel == "mail":
        await _send_mail(message, settings, urls)
    else:
        await _send_webhook(message, settings, urls)


def mail(message: Message, settings: Settings, urls: PublicUrls) -> EmailMessage:
    """The mail of a message; the same for every try."""
    alert = Alert.from_payload(message.payload)
    made = EmailMessage()
    made["Subject"] = subject(alert)
    made["From"] = settings.mail.sender
    made["To"] = message.recipient
    made["Date"] = format_datetime(message.created)
    made["Message-ID"] = f"<{identity(message)}@{urls.hub_host}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail_text(alert, urls))
    return made


async def _send_mail(message: Message, settings: Settings, urls: PublicUrls) -> None:
    options = settings.mail
    if options.host is None:
        raise NotSent("No mail server is set (mail.host in noteyard.yaml).", for_good=True)
    try:
        password = options.password_file.read_text().strip() if options.password_file else None
    except OSError as error:
        # Whoever owns the schedule reads this: where the file lies is none of theirs.
        said = f"The mail server's password can't be read (mail.password_file): {error.strerror}."
        raise NotSent(said, server=True) from None
    try:
        await aiosmtplib.send(
            mail(message, settings, urls),
            hostname=options.host,
            port=options.port,
            username=options.username,
            password=password,
            use_tls=options.tls == "tls",
            start_tls=options.tls == "starttls",
            timeout=TIMEOUT_SECONDS,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        answer = error.recipients[0]
        raise NotSent(f"The mail server refused the address: {answer.message}", for_good=answer.code >= 500) from None
    except aiosmtplib.SMTPResponseException as error:
        raise NotSent(f"The mail server answered {error.code}: {error.message}", server=True) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise NotSent(f"The mail server {options.host}:{options.port} can't be used: {error}", server=True) from None


async def _send_webhook(message: Message, settings: Settings, urls: PublicUrls) -> None:
    content = json.dumps(webhook_body(Alert.from_payload(message.payload), urls)).encode()
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": identity(message),
        "User-Agent": "Noteyard",
    }
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            target = await resolve(message.recipient, settings.webhooks.allow_private)
            # No proxy of the environment's: it would look the name up itself.
            async with httpx.AsyncClient(verify=_trusted(), trust_env=False, follow_redirects=False) as client:
                answer = await client.send(target.request(client, content, headers), stream=True)
                await answer.aclose()  # nothing of its body is read, so that none can be too large
    except WebhookRefused as error:
        raise NotSent(str(error), for_good=True) from None
    except TimeoutError:
        raise NotSent(f"No answer within {TIMEOUT_SECONDS:.0f} s.", server=True) from None
    except (httpx.HTTPError, OSError) as error:
        raise NotSent(f"The server can't be reached: {_plain(error)}", server=True) from None
    _judge(answer.status_code)


@functools.cache
def _trusted() -> ssl.SSLContext:
    # The system's certificates (a house's own among them) beside the public ones.
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _judge(status: int) -> None:
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotSent(
            f"The server answered with a redirect ({status}), which is not followed: name the final address.",
            for_good=True,
        )
    raise NotSent(f"The server answered {status}.", for_good=400 <= status < 500 and status not in RETRIED_ANSWERS)


def _plain(error: Exception) -> str:
    # URLs of webhooks are secrets as often as not: no text that may hold one.
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
