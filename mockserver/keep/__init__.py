"""Worlds that outlive the process: brought up from what is kept of them, and kept while they live."""
