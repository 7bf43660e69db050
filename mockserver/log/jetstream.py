"""The home of logs that many servers share: one stream of NATS JetStream, a subject for each world.

A record is appended after an expected position or not at all, so all servers agree on one order. Positions are the
stream's numbers: they grow along a log, but not by one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mockserver.log.record import Conflict, LogError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

T = TypeVar("T")

STREAM = "mockserver"
WORLDS, OUTCOMES, LEASE = "mockserver.world", "mockserver.outcome", "mockserver.lease"
PATIENCE = 5.0  # seconds in which the cluster has to answer
ATTEMPT = 1.0  # seconds for one attempt
WRONG_LAST = (10071, 10164)  # error codes: somebody else has appended


class Unavailable(LogError):
    """The cluster did not answer in time, or has no quorum."""


class Message(NamedTuple):
    """One record as it lies in the stream. `id`: what its writer called it."""

    position: int
    id: str
    data: bytes


def subject_of(kind: str, world: str) -> str:
    """Keys may have any signs, subjects may not."""
    return f"{kind}.{world.encode().hex()}"


def _key_of(subject: str) -> str:
    return bytes.fromhex(subject.rpartition(".")[2]).decode()


class JetStreamHome:
    """`await open()` first. Raises `Unavailable` whenever the cluster is."""

    def __init__(self, servers: list[str]) -> None:
        self.servers = servers
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None

    async def open(self) -> None:
        """Connects, and makes the stream if there is none."""
        import nats
        from nats.js.api import RetentionPolicy, StorageType, StreamConfig
        from nats.js.errors import NotFoundError

        async def silent(error: Exception) -> None:  # every attempt to connect again would be told
            pass

        try:
            connecting = nats.connect(
                self.servers,
                connect_timeout=2,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.2,
                error_cb=silent,
                ping_interval=2,
                max_outstanding_pings=2,
            )
            self._client = await asyncio.wait_for(connecting, PATIENCE)
        except Exception as error:
            raise Unavailable(f"no server of {', '.join(self.servers)} answers ({type(error).__name__})") from None
        self._stream = self._client.jetstream(timeout=ATTEMPT)
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{STREAM}.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=3 if len(self.servers) >= 3 else 1,
            duplicate_window=120,
        )

        async def ensure() -> None:
            try:
                await self._js.stream_info(STREAM)
            except NotFoundError:
                await self._js.add_stream(config)

        await self._patiently(ensure, 4 * PATIENCE)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    @property
    def _js(self) -> JetStreamContext:
        assert self._stream is not None, "open() comes first"
        return self._stream

    async def append(self, subject: str, after: int | None, data: bytes, id: str) -> int:
        """Its position. `after` None: whatever comes before. Raises `Conflict` when it is not the newest there (or
        this has been appended by an attempt that seemed to fail: the reader knows it by its `id`)."""
        from nats.js.errors import APIError

        headers = {"Nats-Msg-Id": id}
        if after is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(after)

        async def once() -> int:
            try:
                return (await self._js.publish(subject, data, timeout=ATTEMPT, headers=headers)).seq
            except APIError as error:
                if error.err_code in WRONG_LAST:
                    raise Conflict("somebody else has written at the same position") from None
                raise

        return await self._patiently(once)

    async def last(self, subject: str) -> Message | None:
        """The newest there, as the stream's leader knows it; None where nothing is."""
        from nats.js.errors import NotFoundError

        async def once() -> Message | None:
            try:
                return _message(await self._js.get_last_msg(STREAM, subject))
            except NotFoundError:
                return None

        return await self._patiently(once)

    async def read(self, subject: str, after: int, until: int) -> AsyncIterator[Message]:
        """All there after one position and up to another, which is one of them."""
        from nats.js.errors import NotFoundError

        for _ in range(8):  # mostly it is only one or two
            position = after + 1

            async def once(position: int = position) -> Message | None:
                try:
                    return _message(await self._js.get_msg(STREAM, seq=position, subject=subject, next=True))
                except NotFoundError:
                    return None

            if after >= until or (message := await self._patiently(once)) is None:
                return
            after = message.position
            yield message
        while after < until:
            page = await self._patiently(lambda after=after: self._page(subject, after))  # type: ignore[misc]
            if not page:
                return
            for message in page:
                after = message.position
                yield message

    async def _page(self, subject: str, after: int) -> list[Message]:
        from nats.errors import TimeoutError as NatsTimeout
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=10,
            mem_storage=True,
            num_replicas=1,
        )
        subscription = await self._js.pull_subscribe(subject, stream=STREAM, config=config)
        found: list[Message] = []
        try:
            while len(found) < 20_000:
                try:
                    rows = await subscription.fetch(1000, timeout=ATTEMPT)
                except NatsTimeout:
                    break
                for row in rows:
                    found.append(
                        Message(row.metadata.sequence.stream, (row.headers or {}).get("Nats-Msg-Id", ""), row.data)
                    )
                if not rows or rows[-1].metadata.num_pending == 0:
                    break
        finally:
            await subscription.unsubscribe()
        return found

    async def counts(self, kind: str) -> dict[str, int]:
        """How many messages each world has, by its API key."""

        async def once() -> dict[str, int]:
            info = await self._js.stream_info(STREAM, subjects_filter=f"{kind}.>")
            return {
                bytes.fromhex(name.rpartition(".")[2]).decode(): number
                for name, number in (info.state.subjects or {}).items()
            }

        return await self._patiently(once)

    async def forget(self, subject: str, keep: int) -> None:
        """Deletes all there but the newest."""
        await self._patiently(lambda: self._js.purge_stream(STREAM, subject=subject, keep=keep))

    async def watch(self, heard: Callable[[str], None]) -> None:
        """`heard` is told the subject of what is appended anywhere, soon after and maybe not: it is a hint."""
        assert self._client is not None

        async def on(message: Any) -> None:
            heard(message.subject)

        await self._client.subscribe(f"{WORLDS}.>", cb=on)

    async def _patiently(self, what: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
        """Tries again until it succeeds or the patience is over."""
        from nats.errors import Error as NatsError

        until = time.monotonic() + seconds
        while True:
            try:
                return await what()
            except Conflict:
                raise
            except (NatsError, OSError, TimeoutError, KeyError) as error:
                if time.monotonic() > until:
                    raise Unavailable(
                        f"the cluster at {', '.join(self.servers)} does not answer ({type(error).__name__})"
                    ) from None
            await asyncio.sleep(0.1)


def _message(row: Any) -> Message:
    return Message(row.seq, (row.headers or {}).get("Nats-Msg-Id", ""), row.data or b"")
