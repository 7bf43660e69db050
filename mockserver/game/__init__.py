"""THE RULES: what follows from what. Pure; the time and every id are arguments."""
