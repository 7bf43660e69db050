"""Example requests, responses and webhooks, taken from a world of seeded users, never invented."""
