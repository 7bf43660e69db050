"""The document: the only source of paths, parameters, bodies, statuses and webhooks; compiled at start-up."""

from mockserver.spec.binding import bind, functions_of
from mockserver.spec.checked import DocumentError
from mockserver.spec.document import Document, Webhook, document_path, load, resource
from mockserver.spec.operation import Operation, header_text
from mockserver.spec.statuses import status_of

__all__ = [
    "Document",
    "DocumentError",
    "Operation",
    "Webhook",
    "bind",
    "document_path",
    "functions_of",
    "header_text",
    "load",
    "resource",
    "status_of",
]
