"""Planted faults: what the contract suite must catch. They live here, outside of the server, so that none can ship."""
