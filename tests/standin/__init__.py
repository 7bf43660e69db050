"""A second implementation of the API, written from openapi.json alone: what it leaves open is settled otherwise here.

It shares no code with the server of this project, reads none of its pages, and has no control plane. The contract
suite has to pass it: whatever it finds here is either a defect of the stand-in against the spec, or a rule that
nobody but this project made.
"""

from tests.standin.server import KEY, StandIn

__all__ = ["KEY", "StandIn"]
