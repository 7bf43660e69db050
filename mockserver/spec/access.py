"""Where an operation is called and what lets a caller in: what of it changed, in words, and whether that breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from mockserver.spec.compiler import resolve

Json = Mapping[str, Any]
Sentence = tuple[str, bool]
Way = dict[str, str]  # one way in: all that it asks for, by what makes two the same


def server_changes(old: list[str], new: list[str]) -> Iterator[Sentence]:
    """A server that is gone breaks its clients; one more, or another order, does not."""
    if old != new:
        yield f"server {', '.join(old)} → {', '.join(new)}", not set(old) <= set(new)


def security_changes(old: list[Way], new: list[Way]) -> Iterator[Sentence]:
    """A way to authenticate breaks when its clients lack something in every way that there is now."""
    if {frozenset(way) for way in old} != {frozenset(way) for way in new}:
        breaking = any(all(way.keys() - had.keys() for way in new) for had in old)
        yield f"security {in_words(old)} → {in_words(new)}", breaking


def servers_of(spec: Json, *owners: Json) -> list[str]:
    """The URLs, the default one first, that the first of `owners` with servers of its own gives, or the spec."""
    declared = next((owner["servers"] for owner in (*owners, spec) if owner.get("servers")), [{"url": "/"}])
    return list(dict.fromkeys(url for server in declared for url in _urls(server)))


def _urls(server: Json) -> Iterator[str]:
    variables = server.get("variables", {})
    for values in product(*(dict.fromkeys((one["default"], *one.get("enum", ()))) for one in variables.values())):
        url = server["url"]
        for name, value in zip(variables, values, strict=True):
            url = url.replace(f"{{{name}}}", value)
        yield url.rstrip("/") or "/"


def security_of(spec: Json, operation: Json) -> list[Way]:
    """The ways into an operation; a way that asks for nothing is open to all."""
    schemes = spec.get("components", {}).get("securitySchemes", {})
    ways: list[Way] = []
    for declared in operation.get("security", spec.get("security", ())):
        way: Way = {}
        for name, scopes in declared.items():
            way |= _required_by(resolve(spec, schemes.get(name, {})), name)
            way |= {f"scope {scope}": f"scope {scope}" for scope in scopes}
        ways.append(way)
    return ways or [{}]


def _required_by(scheme: Json, name: str) -> Way:
    """What a scheme asks for, not what the spec calls it: its name may change and nobody has to know."""
    kind = scheme.get("type", name)
    if kind == "apiKey":
        shown = f"{scheme['in']} {scheme['name']}"
        return {shown.lower() if scheme["in"] == "header" else shown: shown}
    if kind == "http":
        shown = f"http {scheme['scheme']}"
        return {shown.lower(): shown}
    places = [scheme.get("openIdConnectUrl"), *(flow.get("tokenUrl") for flow in scheme.get("flows", {}).values())]
    shown = " ".join((kind, *dict.fromkeys(place for place in places if place)))
    return {shown: shown}


def in_words(ways: list[Way]) -> str:
    """`header X-API-KEY`, `http bearer or none`."""
    return " or ".join(" and ".join(way.values()) or "none" for way in ways)
