"""`mockserver listen`: a receiver that shows each webhook and says what is wrong with it."""

from __future__ import annotations

import shlex
from collections import deque
from hashlib import sha256

import click
import uvicorn
from rich.console import Console
from rich.text import Text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mockserver.printable import printable
from mockserver.sockets import KEEP_ALIVE, listen_on, local_url
from mockserver.spec import Spec, load
from mockserver.spec.bodies import LARGEST
from mockserver.webhooks.options import usable_secret
from mockserver.webhooks.received import ReceivedWebhook, read
from mockserver.webhooks.signing import HEADER


def receiver(spec: Spec, secret: str | None, console: Console, *, bodies: bool = False) -> Starlette:
    """An application that takes webhooks on every path: 200, or 401 and 400 with what is wrong."""
    digests: deque[bytes] = deque(maxlen=1000)  # digests

    async def receive(request: Request) -> Response:
        raw = await _body(request)
        if raw is None:
            console.print(Text(f"✗ a body of more than {LARGEST} bytes", "red"), soft_wrap=True)
            return JSONResponse({"error": f"the body must be at most {LARGEST} bytes (1 MiB)"}, 413)
        received = read(spec, raw, request.headers.get(HEADER), secret)
        digest = sha256(raw).digest()
        again = digest in digests
        digests.append(digest)
        console.print(_line(received, again=again, checked=secret is not None), soft_wrap=True)
        if bodies and received.body is not None:
            console.print_json(data=received.body, ensure_ascii=True)
        if not received.problems:
            return Response(status_code=200)
        return JSONResponse({"error": "; ".join(received.problems)}, 401 if received.forged else 400)

    return Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])


async def _body(request: Request) -> bytes | None:
    """All of it; None as soon as it is too long."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST:
            return None
    return raw


def _line(received: ReceivedWebhook, *, again: bool, checked: bool) -> Text:
    line = Text()
    line.append("✗ " if received.problems else "✓ ", "red" if received.problems else "green")
    line.append(f"{printable(received.kind or 'unreadable'):<26}", "bold")
    line.append(printable(received.summary))
    if not checked:
        line.append("  signature not checked", "dim")
    if again:
        line.append("  seen before", "yellow")
    for problem in received.problems:
        line.append(f"\n  {printable(problem)}", "red")
    return line


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(app, log_level="warning", lifespan="off", timeout_keep_alive=int(KEEP_ALIVE))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="0: any free port.")
@click.option(
    "--secret",
    envvar="MOCKSERVER_WEBHOOK_SECRET",
    show_envvar=True,
    callback=usable_secret,
    help="Check signatures with this secret.",
)
@click.option("--bodies", is_flag=True, help="Print each body in full.")
def listen(host: str, port: int, secret: str | None, bodies: bool) -> None:
    """Receive webhooks and show them, with what is wrong with their signature or schema."""
    spec = load()
    listening = listen_on(host, port)
    url = local_url(host, listening[0].getsockname()[1])
    words = ["mockserver", "serve", "--webhook", url, *(("--webhook-secret", secret) if secret else ())]
    click.secho(f"Listening on {url}", bold=True)
    click.echo(f"Send webhooks here with: {shlex.join(words)}")
    app = receiver(spec, secret, Console(), bodies=bodies)
    try:
        uvicorn.Server(_config(app)).run(sockets=listening)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
