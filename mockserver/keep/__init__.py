"""Worlds that outlive the process: restored from their logs at the start, and logged while they run."""
