"""How async tests wait for what happens in other threads, under asyncio and under trio.

A start that is cancelled leaves no server; an end that is cancelled is still carried out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def _under_asyncio() -> bool:
    """If not, it is trio that runs, and it is there to be imported."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def in_thread(work: Callable[..., T], *args: Any, **given: Any) -> T:
    """What the work gives, done in a thread, so that it blocks nobody."""
    if _under_asyncio():
        return await asyncio.to_thread(work, *args, **given)
    import trio

    return await trio.to_thread.run_sync(partial(work, *args, **given))


async def to_the_end(work: Callable[[], T], undo: Callable[[T], object] | None = None) -> T:
    """The same, and whatever cancels the caller, the work comes to its end; then `undo` takes back what it gave."""
    done, cancelled = await (_finished(work) if _under_asyncio() else _finished_in_trio(work))
    if cancelled is not None:
        if undo is not None:
            takes_back = partial(undo, done)
            await (_finished(takes_back) if _under_asyncio() else _finished_in_trio(takes_back))
        raise cancelled
    return done


async def _finished(work: Callable[[], T]) -> tuple[T, BaseException | None]:
    """What the work gives, and the cancellation that came meanwhile."""
    future = asyncio.ensure_future(asyncio.to_thread(work))
    cancelled = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None and future.exception() is not None:
        raise cancelled
    return future.result(), cancelled


async def _finished_in_trio(work: Callable[[], T]) -> tuple[T, BaseException | None]:
    import trio

    with trio.CancelScope(shield=True):
        done = await trio.to_thread.run_sync(work)
    try:
        await trio.lowlevel.checkpoint_if_cancelled()
    except trio.Cancelled as error:
        return done, error
    return done, None


async def outcome(future: Future[T], seconds: float | None = None) -> T:
    """The result of what happens in another thread. TimeoutError after so long; then, and when the caller is
    cancelled, the future is cancelled too."""
    if _under_asyncio():
        return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
    import trio

    token, over = trio.lowlevel.current_trio_token(), trio.Event()
    future.add_done_callback(lambda done: token.run_sync_soon(over.set))
    with trio.move_on_after(float("inf") if seconds is None else seconds):
        try:
            await over.wait()
        finally:
            future.cancel()  # does nothing to one that is done
    if future.cancelled():
        raise TimeoutError
    return future.result()
