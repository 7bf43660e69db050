"""Example requests, answers and webhooks: what a world really says about people who live in it, never invented."""
