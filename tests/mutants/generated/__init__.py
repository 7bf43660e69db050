"""Faults that are generated: every field, parameter, text, setting and webhook × the ways to get it wrong."""
