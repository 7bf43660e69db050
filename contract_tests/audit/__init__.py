"""Simulates users in a world with a random catalog, and compares every response with the reference world."""
