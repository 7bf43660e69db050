"""What must come of what users do, worked out once more from the behaviour page: an organisation's books.

It is told the same as the target, in the same order, and says what the target must answer. It knows nothing of HTTP.
"""

from contract_tests.reference.world import ReferenceWorld

__all__ = ["ReferenceWorld"]
