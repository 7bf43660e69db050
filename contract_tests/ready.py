"""Prepares a run before its first test: reads files, connects, opens ports. An error is one sentence."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from contract_tests.kit import read_config
from contract_tests.receiver import WebhookReceiver
from contract_tests.report import baseline, outputs
from contract_tests.suite import Suite
from contract_tests.target import CannotRun, Target


def prepare(suite: Suite) -> None:
    """Once. Raises `CannotRun`."""
    if suite.prepared:
        return
    outputs.check(suite.options)
    suite.config = read_config(suite.options.config)
    suite.known = baseline.read(suite.options)
    if "webhooks" in suite.options.parts:
        suite.captured = _captured(suite)
    if suite.needs_target:
        target = suite.connect()
        if "webhooks" in suite.options.parts:
            suite.receiver = _receiver(suite, target)
    suite.prepared = True


def _captured(suite: Suite) -> list[tuple[int, str]]:
    """The lines of --webhook-log that are not empty, with their numbers."""
    path = suite.options.webhook_log
    if path is None:
        return []
    try:
        lines = path.read_text("utf-8").split("\n")  # no other sign ends a line of JSON
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"--webhook-log: {path} cannot be read: {error}.") from error
    found = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise CannotRun(f"--webhook-log: {path} holds no webhook.")
    return found


def _receiver(suite: Suite, target: Target) -> WebhookReceiver | None:
    """The receiver: on the given port, or on any free port if the target is on this machine and has a control plane."""
    port = suite.options.webhook_listen
    if suite.options.read_only or (port is None and not (target.control and target.local)):
        return None
    host = "127.0.0.1" if target.local else "0.0.0.0"
    try:
        receiver = WebhookReceiver(port or 0, host, "127.0.0.1" if target.local else own_address(target))
    except (OSError, OverflowError) as error:
        raise CannotRun(f"--webhook-listen: port {port} cannot be opened: {error}.") from error
    if target.control is None:
        receiver.inbox(suite.options.webhook_secret, own=False)
    return receiver


def own_address(target: Target) -> str:
    """This machine's address, as a target elsewhere most likely reaches it. Nothing is sent to find out."""
    parts = urlsplit(target.client.base_url)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((parts.hostname, parts.port or 443))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()


def to_configure(suite: Suite) -> str:
    """What the user must set up at a target without a control plane; empty when there is nothing to do."""
    if suite.receiver is None or suite.target is None or suite.target.control is not None:
        return ""
    where = f"Set up a webhook endpoint at the target, for all types: {suite.receiver.url}"
    if not suite.target.local:
        where += " (or an address of yours that leads there)"
    if suite.options.webhook_secret:
        return f"{where}, with the secret given as --webhook-secret."
    return f"{where}. Its secret goes into --webhook-secret; without it no signature is checked."
