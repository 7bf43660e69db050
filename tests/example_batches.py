"""Batches of examples, and checks of their bodies against the spec alone."""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from mockserver import catalogs
from mockserver.examples.batch import Batch, Part, make
from mockserver.game.catalog import Catalog
from mockserver.game.periods import DAY
from mockserver.spec import Spec, load
from mockserver.worlds import CatalogFactory

ROOT = Path(__file__).parents[1]
RAW = json.loads((ROOT / "openapi.json").read_text())
NOON = 20_468 * DAY + DAY // 2  # 2026-01-15T12:00:00Z
NAMES = catalogs.BUNDLED


@cache
def loaded_spec() -> Spec:
    return load()


@cache
def batch(name: str = "catalog", seed: int = 1, count: int = 1) -> Batch:
    helping = None if name == "catalog" else catalog_factory("catalog")
    return make(loaded_spec(), catalog_factory(name), helping, seed=seed, now=NOON, count=count)


def catalog_factory(name: str) -> CatalogFactory:
    """The catalog of that name, as a world's first day makes it."""

    def on(day: date) -> Catalog:
        return catalogs.load(catalogs.fixture(name), today=day)

    return on


def body(name: str, part: str, of: Batch | None = None) -> Any:
    return (of or batch())[name, part][0].body


def declared() -> dict[Part, dict[str, Any]]:
    """Everything that there must be an example of, with its schema; a request without a body has none."""
    found: dict[Part, dict[str, Any]] = {}
    for item in RAW["paths"].values():
        for operation in (row for row in item.values() if isinstance(row, dict) and "operationId" in row):
            name = operation["operationId"]
            found[name, "request"] = _schema(operation.get("requestBody", {}))
            for status, response in operation["responses"].items():
                found[name, status] = _schema(response)
    for kind, item in RAW["webhooks"].items():
        found[kind, "webhook"] = _schema(item["post"]["requestBody"])
    return found


def _schema(content: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in content:
        *_, section, name = content["$ref"].split("/")
        content = RAW["components"][section][name]
    schema: dict[str, Any] = content.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


@cache
def validator(part: Part) -> Draft202012Validator:
    schema = {"components": RAW["components"], **declared()[part]}
    return Draft202012Validator(schema, validate_formats=True)
