"""Worlds that many servers share: each follows the log of a world, and the one that gets a request appends to it."""
