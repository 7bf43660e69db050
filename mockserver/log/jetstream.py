"""The store of logs that many servers share: one stream of NATS JetStream, a subject for each world.

A record is appended after an expected position or not at all, so all servers agree on one order. Positions are the
stream's numbers: they grow along a log, but not by one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

from mockserver.log.record import Conflict, LogError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.js import JetStreamContext

T = TypeVar("T")

STREAM = "mockserver"
WORLDS, OUTCOMES, LEASE = "mockserver.world", "mockserver.outcome", "mockserver.lease"
LISTENED = "mockserver.listened"  # worlds that have had an endpoint for their webhooks
STAGED = "mockserver.staged"  # records that a loaded world begins with
QUORUM = "mockserver.quorum"
PATIENCE = 5.0  # seconds in which the cluster has to respond
ATTEMPT = 1.0  # seconds for one attempt
# The leader's followers wait at least four seconds before they choose another one. So for as long after it has had
# something written by a majority of them there is no other, and what it says is newest is.
NO_OTHER_LEADER = 4.0
CHECK_QUORUM = 2.0  # seconds after the last such writing
FEW = 8  # messages that are read one by one; of more, whole pages
MOST_AT_ONCE = 20_000
WRONG_LAST = (10071, 10164)  # error codes: somebody else has appended


class Unavailable(LogError):
    """The cluster did not respond in time, or has no quorum."""


class TooLong(LogError):
    """A record that is larger than what the cluster takes."""


class Message(NamedTuple):
    """One record as it lies in the stream. `id`: what its writer called it."""

    position: int
    id: str
    data: bytes


def subject_of(kind: str, world: str) -> str:
    """Keys may have any signs, subjects may not."""
    return f"{kind}.{world.encode().hex()}"


def world_of(subject: str) -> str:
    """The API key of the world that a subject is about."""
    return bytes.fromhex(subject.rpartition(".")[2]).decode()


class JetStreamStore:
    """`await open()` first. Raises `Unavailable` whenever the cluster is."""

    def __init__(self, servers: list[str]) -> None:
        self.servers = servers
        self._client: Client | None = None
        self._stream: JetStreamContext | None = None
        self.name = uuid4().hex
        self._appended = 0
        self._majority = -NO_OTHER_LEADER  # when the newest message was sent that a majority has written
        self._checking_quorum = asyncio.Lock()

    async def open(self, *, make: bool = True) -> None:
        """Connects, and makes the stream if there is none; with `make` False that is a `LogError`."""
        import nats
        from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
        from nats.js.errors import NotFoundError

        async def silent(error: Exception) -> None:  # it would report every attempt to connect again
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
            raise Unavailable(f"no server of {', '.join(self.servers)} responds ({type(error).__name__})") from None
        self._stream = self._client.jetstream(timeout=ATTEMPT)
        config = StreamConfig(
            name=STREAM,
            subjects=[f"{STREAM}.>"],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,  # should there ever be a limit, then nothing old is lost
            storage=StorageType.FILE,
            num_replicas=3 if len(self.servers) >= 3 else 1,
            duplicate_window=120,
        )

        async def ensure() -> None:
            try:
                await self._js.stream_info(STREAM)
            except NotFoundError:
                if not make:
                    raise LogError(f"the cluster at {', '.join(self.servers)} holds no worlds") from None
                await self._js.add_stream(config)

        await self._patiently(ensure, 4 * PATIENCE)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    @property
    def _js(self) -> JetStreamContext:
        assert self._stream is not None, "open() comes first"
        return self._stream

    def new_id(self) -> str:
        """For a message of this server. No two are the same."""
        self._appended += 1
        return f"{self.name}-{self._appended}"

    def is_own(self, id: str) -> bool:
        """Whether this server has made it up."""
        return id.startswith(self.name)

    async def append(self, subject: str, after: int | None, data: bytes, id: str = "") -> int:
        """Its position. `after` None: whatever comes before. Raises `Conflict` when it is not the newest there (or
        this has been appended by an attempt that seemed to fail: the reader knows it by its `id`), `TooLong`."""
        from nats.errors import MaxPayloadError
        from nats.js.errors import APIError

        headers = {"Nats-Msg-Id": id or self.new_id()}
        if after is not None:
            headers["Nats-Expected-Last-Subject-Sequence"] = str(after)

        async def once() -> int:
            began = time.monotonic()
            try:
                position = (await self._js.publish(subject, data, timeout=ATTEMPT, headers=headers)).seq
                self._majority = max(self._majority, began)
                return position
            except MaxPayloadError:
                raise TooLong(f"the cluster takes no record of {len(data)} bytes (see max_payload of NATS)") from None
            except APIError as error:
                if error.err_code in WRONG_LAST:
                    raise Conflict("somebody else has written at the same position") from None
                raise

        return await self._patiently(once)

    async def last(self, subject: str) -> Message | None:
        """The newest there; None where nothing is. Nothing that was appended before this is called is missed."""
        from nats.errors import TimeoutError as NatsTimeout
        from nats.js.errors import NotFoundError

        async def once() -> Message | None:
            await self._await_majority()
            try:
                found = _message(await self._js.get_last_msg(STREAM, subject))
            except NotFoundError:
                found = None
            if time.monotonic() - self._majority >= NO_OTHER_LEADER:
                raise NatsTimeout  # it may come from one that leads no more
            return found

        return await self._patiently(once)

    async def _await_majority(self) -> None:
        """Returns when the leader has shown that it leads, now or a moment ago."""
        if time.monotonic() - self._majority < CHECK_QUORUM:
            return
        async with self._checking_quorum:
            began = time.monotonic()
            if began - self._majority >= CHECK_QUORUM:
                await self._js.publish(QUORUM, b"", timeout=ATTEMPT)
                self._majority = began
                await self._js.purge_stream(STREAM, subject=QUORUM, keep=1)

    async def at(self, position: int) -> Message | None:
        """The message at a position, of whatever subject; None when it is not there."""
        from nats.js.errors import NotFoundError

        async def once() -> Message | None:
            try:
                return _message(await self._js.get_msg(STREAM, seq=position))
            except NotFoundError:
                return None

        return await self._patiently(once)

    async def read(self, subject: str, after: int, until: int) -> AsyncIterator[Message]:
        """All there after one position and up to another, which is one of them."""
        from nats.js.errors import NotFoundError

        number = 0
        while after < until:
            position = after + 1

            async def once(position: int = position) -> Message | None:
                try:
                    return _message(await self._js.get_msg(STREAM, seq=position, subject=subject, next=True))
                except NotFoundError:
                    return None

            # The leader knows whether there is more; who gives out whole pages may not have heard of it yet.
            if (message := await self._patiently(once)) is None:
                return
            after, number = message.position, number + 1
            yield message
            if number >= FEW and after < until:
                for message in await self._patiently(lambda after=after: self._page(subject, after)):  # type: ignore[misc]
                    after = message.position
                    yield message

    async def _page(self, subject: str, after: int) -> list[Message]:
        """Some of what comes next, without a gap; none of it when that is not known yet."""
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
            while len(found) < MOST_AT_ONCE and (await subscription.consumer_info()).num_pending:
                for row in await subscription.fetch(1000, timeout=ATTEMPT):
                    if row.metadata.sequence.consumer != len(found) + 1:
                        return found  # one was lost on the way
                    id = (row.headers or {}).get("Nats-Msg-Id", "")
                    found.append(Message(row.metadata.sequence.stream, id, row.data))
        except NatsTimeout:
            if not found:
                raise
        finally:
            await subscription.unsubscribe()
        return found

    async def counts(self, kind: str) -> dict[str, int]:
        """How many messages each world has, by its API key."""

        async def once() -> dict[str, int]:
            info = await self._js.stream_info(STREAM, subjects_filter=f"{kind}.>")
            return {world_of(name): number for name, number in (info.state.subjects or {}).items()}

        return await self._patiently(once)

    async def forget(self, subject: str, keep: int = 0) -> None:
        """Deletes all there but the newest `keep`."""
        await self._patiently(lambda: self._js.purge_stream(STREAM, subject=subject, keep=keep))

    async def watch(self, heard: Callable[[str], None]) -> None:
        """`heard` is called with a world to which another server has appended: a hint, which may be late or lost."""
        assert self._client is not None

        async def on(message: Any) -> None:
            if not self.is_own((message.headers or {}).get("Nats-Msg-Id", "")):
                heard(world_of(message.subject))

        await self._client.subscribe(f"{WORLDS}.>", cb=on)

    async def _patiently(self, what: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
        """Tries again until it succeeds or the patience is over."""
        from nats.errors import Error as NatsError

        until = time.monotonic() + seconds
        while True:
            try:
                return await what()
            except (Conflict, TooLong):
                raise
            except (NatsError, OSError, TimeoutError, KeyError) as error:
                if time.monotonic() > until:
                    says = getattr(error, "description", None)  # such as that its storage is full
                    how = f"says: {says}" if says else f"does not respond ({type(error).__name__})"
                    raise Unavailable(f"the cluster at {', '.join(self.servers)} {how}") from None
            await asyncio.sleep(0.1)


def _message(row: Any) -> Message:
    return Message(row.seq, (row.headers or {}).get("Nats-Msg-Id", ""), row.data or b"")
