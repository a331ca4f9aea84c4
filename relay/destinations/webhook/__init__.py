"""Webhooks of the user's own: signed JSON, or a body from their template."""
