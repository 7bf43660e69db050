"""The tenants of an organisation: those of its catalog, and those that have come into being."""

from __future__ import annotations

from typing import NamedTuple

from mockserver.admin.lists import found, page
from mockserver.admin.shapes import JSON
from mockserver.game.engine import Game
from mockserver.game.periods import iso
from mockserver.worlds import Organisation


class _Tenant(NamedTuple):
    key: str
    game: Game

    @property
    def id(self) -> str:
        return self.game.world.id_of("tenant", 0)


def admin_tenants_list(organisation: Organisation, *, limit: int, skip: int) -> JSON:
    return page(map(_shape, _tenants(organisation)), limit, skip)


def admin_tenants_get(organisation: Organisation, *, id: str) -> JSON:
    return _shape(found(_tenants(organisation), "Tenant", id))


def _tenants(organisation: Organisation) -> list[_Tenant]:
    return [_Tenant(key, game) for key, game in organisation.games.items() if key is not None]


def _shape(tenant: _Tenant) -> JSON:
    # Choice: a tenant is called like its customer, and has been there as long as its population.
    born = iso(tenant.game.world.born)
    return {
        "id": tenant.id,
        "customerId": tenant.key,
        "name": tenant.key,
        "status": "active",
        "created": born,
        "updated": born,
    }
