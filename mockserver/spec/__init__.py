"""The document: the only source of paths, parameters, bodies, statuses and webhooks; compiled at start-up."""

from .binding import bind
from .checked import DocumentError
from .document import Document, Webhook, document_path, load, resource
from .operation import Operation, header_text
from .statuses import status_of

__all__ = [
    "Document",
    "DocumentError",
    "Operation",
    "Webhook",
    "bind",
    "document_path",
    "header_text",
    "load",
    "resource",
    "status_of",
]
