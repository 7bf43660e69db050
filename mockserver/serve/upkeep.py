"""What a running server does by itself: it lets time pass in its worlds, and reads a changed catalog."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

from mockserver.catalogs import CatalogError
from mockserver.clock import pin
from mockserver.control.plane import ControlPlane
from mockserver.log.record import CATALOG
from mockserver.serve.catalog_file import CatalogFile
from mockserver.worlds import Worlds

TICK = 0.25  # seconds; what falls due happens within a second (behaviour, section 10)

log = logging.getLogger("mockserver")


def upkeep(plane: ControlPlane, watched: CatalogFile | None) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan: while the server runs, its worlds are kept up with their clocks, and with `watched`.

    At the end deliveries under way get a few seconds.
    """

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if (farm := plane.worlds.farm) is not None:
            await farm.start()
        plane.flush()
        task = asyncio.create_task(_keep_up(plane, watched))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if (keeper := plane.worlds.keeper) is not None:
            keeper.save_all()
        if farm is not None:
            await farm.stop()
        await plane.close()
        if farm is not None:
            await farm.close()
        if keeper is not None:
            keeper.close()

    return lifespan


async def _keep_up(plane: ControlPlane, watched: CatalogFile | None) -> None:
    while True:
        await asyncio.sleep(TICK)
        try:
            plane.tick()
            if plane.worlds.keeper is not None:
                plane.worlds.keeper.tick()
            if watched is not None:
                reload(plane.worlds, watched)
        except Exception:
            log.exception("Keeping up with the time failed. This is a defect of the mock.")


def reload(worlds: Worlds, watched: CatalogFile) -> None:
    """Puts a changed catalog into force in all worlds that were made from the file. Users keep what they have."""
    try:
        if (text := watched.changed_text()) is None:
            return
        concerned = [organisation for organisation in worlds if organisation.plan.catalog is watched]
        days = {organisation.first_day for organisation in concerned}
        catalogs = {day: watched.as_of(day, text) for day in days}
    except CatalogError as error:
        watched.broken = True
        log.error("The catalog stays as it was. %s", error)
        return
    repaired, watched.broken = watched.broken, False
    if text == watched.text:
        log.info("%s is right again, and says what is in force.", watched.path)
        return
    watched.text = text
    for organisation in concerned:
        try:
            with pin():
                organisation.change_catalog(catalogs[organisation.first_day])
                if worlds.keeper is not None:
                    worlds.keeper.record(organisation, CATALOG, {"catalog": text})
        except Exception:  # one world must not keep the others from it
            log.exception("World %s keeps the catalog that it had. This is a defect of the mock.", organisation.key)
    log.info("%s %s and is in force.", watched.path, "is right again" if repaired else "was read again")
