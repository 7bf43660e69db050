"""The spec: the only source of paths, parameters, bodies, statuses and webhooks; compiled at start-up."""

from mockserver.spec.binding import bind, functions_of
from mockserver.spec.checked import SpecError
from mockserver.spec.compiler import Spec, Webhook, load, resource, spec_path
from mockserver.spec.operation import Operation, header_text
from mockserver.spec.statuses import status_of

__all__ = [
    "Operation",
    "Spec",
    "SpecError",
    "Webhook",
    "bind",
    "functions_of",
    "header_text",
    "load",
    "resource",
    "spec_path",
    "status_of",
]
