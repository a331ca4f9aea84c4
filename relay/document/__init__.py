"""YAML as a document that knows where everything stands, and the typed fields that a model reads from it.

    file ──yaml──> Document ──env──> Document ──fields──> typed values, or faults with line and column

Nothing here knows what the relay's config holds: each part of the relay says that with ``fields`` in a ``config``
module of its own, and ``relay.config`` puts them together.
"""
