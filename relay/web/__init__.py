"""The relay's own HTTP: health, metrics, listings, a few verbs, and the status page."""
