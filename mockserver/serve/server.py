"""A server from its parts, put together in the same way for the command line and for tests in Python."""

from __future__ import annotations

from mockserver.app import App, create_app
from mockserver.control.plane import Plane, Settings
from mockserver.serve.catalog_file import CatalogFile
from mockserver.serve.upkeep import upkeep
from mockserver.spec import document_path, load
from mockserver.webhooks import bodies
from mockserver.worlds import Worlds


def make_app(
    worlds: Worlds, settings: Settings, *, check_responses: bool = True, watched: CatalogFile | None = None
) -> App:
    """The API and the control plane over these worlds; while its lifespan lasts, their clocks run.

    Raises `DocumentError` when the document is broken or does not fit the code.
    """
    document = load(document_path())
    bodies.bind(document)
    plane = Plane(worlds, document, settings)
    return create_app(
        worlds,
        document,
        check_responses=check_responses,
        control=plane.routes,
        before=plane.before,
        after=plane.after,
        lifespan=upkeep(plane, watched),
    )
