"""A second, independent implementation of the rules of the behaviour page, to compare a target with.

It gets the same commands as the target, in the same order. It knows nothing of HTTP.
"""

from contract_tests.reference.world import ReferenceWorld

__all__ = ["ReferenceWorld"]
