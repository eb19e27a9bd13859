"""`famedash practice`: the practice receiver, as a process."""

from famedash.infra.loop import Stop
from famedash.practice.receiver import create_app
from famedash.processes.http_server import serve
from famedash.processes.secrets import webhook_secret
from famedash.processes.settings import Settings


async def run(settings: Settings) -> None:
    """Receive webhooks on loopback (or where FAMEDASH_PRACTICE_HOST says) until asked to stop."""
    app = create_app(webhook_secret(settings))
    await serve(app, host=settings.practice_host, port=settings.practice_port, stop=Stop().listen())
