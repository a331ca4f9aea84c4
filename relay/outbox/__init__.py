"""The outbox: what must survive us. ``base`` says what it promises; ``sqlite`` keeps the promise in one file.

    commit, settle ──> writer (one transaction for all who wait) ──> transaction ──> rows, queries.sql ──┐
                                                                         └── identity: which are new?    ├─ relay.db
    claim, list, stats ──> sqlite (a reading connection each) ──> rows ──────────────────────────────────┘
                                     file: locked, ours or refused, migrated

What holds always: a commit is all or nothing and durable when it returns, committing again changes nothing, and
nothing outside of ``base`` is needed to use it.
"""
