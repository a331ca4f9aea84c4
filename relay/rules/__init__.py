"""Rules: what a trader wants to hear of. Values and pure functions, no I/O."""
