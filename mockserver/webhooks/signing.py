"""The signature of a webhook: base64(HMAC-SHA256(the endpoint's secret, the raw body))."""

from __future__ import annotations

import base64
import hashlib
import hmac

HEADER = "X-Trophy-Signature"


def sign(secret: str, body: bytes) -> str:
    """What `X-Trophy-Signature` says about these very bytes (behaviour, section 11)."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def verify(secret: str, body: bytes, signature: str) -> bool:
    """Whether the signature was made with this secret for these bytes; takes equally long either way."""
    return hmac.compare_digest(sign(secret, body).encode(), signature.encode(errors="replace"))


def new_secret(seed: str, number: int) -> str:
    """The secret of a world's n-th endpoint: hard to guess from outside, the same for the same seed."""
    digest = hashlib.sha256(f"webhook secret {number} of world {seed}".encode()).hexdigest()
    return f"whsec_{digest[:40]}"
