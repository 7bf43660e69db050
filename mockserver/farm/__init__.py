"""Worlds that many servers share: each follows the log of a world, and whoever is asked appends to it."""
