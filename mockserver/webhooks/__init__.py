"""Webhooks from facts: shaped as the spec says, signed, sent, retried and logged."""
