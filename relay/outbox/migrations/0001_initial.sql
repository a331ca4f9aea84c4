-- Times are microseconds since the epoch, UTC. JSON columns hold arrays of text.

CREATE TABLE relay (
    first_started_at INTEGER NOT NULL
) STRICT;

-- An event and its identity. `data` is the upstream's object byte for byte; retention sets it to NULL and keeps the
-- rest, because identities outlive bodies. `subject` is the symbol, or 'breaks' for all simultaneous breaks.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY,
    key          TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    upstream_id  INTEGER,
    subject      TEXT,
    symbols      TEXT    NOT NULL,
    timeframe    TEXT,
    direction    TEXT,
    shape        TEXT,
    threshold    INTEGER,
    price        REAL,
    cc           TEXT,
    continuation INTEGER,
    triggered_at INTEGER,
    precision    INTEGER,
    source       TEXT    NOT NULL,
    received_at  INTEGER NOT NULL,
    data         TEXT
) STRICT;

CREATE UNIQUE INDEX events_by_id ON events (channel, upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX events_by_nature ON events (channel, subject, triggered_at);
CREATE INDEX events_unclaimed ON events (channel, subject, triggered_at) WHERE upstream_id IS NULL;

CREATE TABLE deliveries (
    id               INTEGER PRIMARY KEY,
    event            INTEGER NOT NULL REFERENCES events (seq),
    destination      TEXT    NOT NULL,
    sequence         INTEGER NOT NULL,
    ordering_key     TEXT    NOT NULL,
    webhook_id       TEXT    NOT NULL,
    rules            TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    retry_at         INTEGER NOT NULL DEFAULT 0,
    parked           INTEGER NOT NULL DEFAULT 0,
    last_code        TEXT    NOT NULL DEFAULT '',
    last_error       TEXT    NOT NULL DEFAULT '',
    last_answer      TEXT    NOT NULL DEFAULT '',
    received_at      INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_waiting ON deliveries (destination, sequence) WHERE state = 'pending' AND parked = 0;
CREATE INDEX deliveries_of_key ON deliveries (destination, ordering_key, sequence)
    WHERE state = 'pending' AND parked = 0;
CREATE INDEX deliveries_parked ON deliveries (destination, retry_at) WHERE state = 'pending' AND parked = 1;
CREATE INDEX deliveries_finished ON deliveries (updated_at) WHERE state <> 'pending';
CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';

CREATE TABLE destinations (
    name        TEXT    PRIMARY KEY,
    sequence    INTEGER NOT NULL DEFAULT 0,
    switch      TEXT    NOT NULL DEFAULT 'on',
    reason      TEXT    NOT NULL DEFAULT '',
    since       INTEGER NOT NULL DEFAULT 0,
    fingerprint TEXT    NOT NULL DEFAULT '',
    held_since  INTEGER NOT NULL DEFAULT 0,
    held_until  INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Completed backfill rounds; the newest is the cursor, older ones tell where it stood some minutes ago.
CREATE TABLE rounds (
    channel      TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    began_at     INTEGER NOT NULL,
    completed_at INTEGER NOT NULL
) STRICT;

CREATE INDEX rounds_by_channel ON rounds (channel, completed_at);

CREATE TABLE channels (
    name            TEXT    PRIMARY KEY,
    baseline_id     INTEGER,
    baseline_before INTEGER,
    largest_page    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE holes (
    channel  TEXT    NOT NULL,
    after_id INTEGER NOT NULL,
    up_to_id INTEGER NOT NULL,
    part     TEXT    NOT NULL,
    found_at INTEGER NOT NULL,
    UNIQUE (channel, after_id, up_to_id, part)
) STRICT;

-- What a lane claims, as one JSON array a row.
CREATE VIEW claims AS
SELECT d.destination, d.ordering_key, d.state, d.parked, d.sequence, d.retry_at, json_array(
    d.id, d.destination, d.sequence, d.ordering_key, d.webhook_id, json(d.rules), d.attempts, d.first_attempt_at,
    d.retry_at, d.parked, d.source, e.received_at, e.key, e.channel, e.upstream_id, e.subject, json(e.symbols),
    e.timeframe, e.direction, e.shape, e.threshold, e.price, e.cc, e.continuation, e.triggered_at, e.precision, e.data,
    d.updated_at
) AS claim
FROM deliveries d JOIN events e ON e.seq = d.event;

-- What listings show of a delivery, as one JSON array a row.
CREATE VIEW listings AS
SELECT d.id, d.destination, d.state, json_array(
    d.id, e.key, e.channel, e.subject, e.timeframe, e.direction, d.destination, d.state, d.attempts, d.last_code,
    d.last_error, d.last_answer, d.webhook_id, d.sequence, json(d.rules), d.source, d.received_at, d.updated_at,
    d.first_attempt_at, d.retry_at, d.parked, e.data
) AS listing
FROM deliveries d JOIN events e ON e.seq = d.event;
