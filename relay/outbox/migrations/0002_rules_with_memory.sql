-- What look-ups brought, to be shown with the delivery: a JSON object, symbol to the upstream's own object.
ALTER TABLE deliveries ADD COLUMN states TEXT;

CREATE INDEX deliveries_deciding ON deliveries (id) WHERE state = 'deciding';

-- Alerts that a rule with a cooldown let through; `at` is the alert's own time, `noted_at` when it came.
CREATE TABLE marks (
    rule        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    timeframe   TEXT    NOT NULL,
    direction   TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    noted_at    INTEGER NOT NULL,
    precision   INTEGER NOT NULL,
    shape       TEXT    NOT NULL,
    upstream_id INTEGER
) STRICT;

CREATE INDEX marks_noted ON marks (noted_at);

-- On which side of its condition a rule on quotes or states last saw a symbol.
CREATE TABLE sides (
    rule      TEXT    NOT NULL,
    symbol    TEXT    NOT NULL,
    condition TEXT    NOT NULL,
    side      INTEGER NOT NULL,
    PRIMARY KEY (rule, symbol)
) STRICT, WITHOUT ROWID;

CREATE TABLE snoozes (
    kind  TEXT    NOT NULL,
    name  TEXT    NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

DROP VIEW claims;

-- What a lane or the decider claims, as one JSON array a row.
CREATE VIEW claims AS
SELECT d.id, d.destination, d.ordering_key, d.state, d.parked, d.sequence, d.retry_at, json_array(
    d.id, d.destination, d.sequence, d.ordering_key, d.webhook_id, json(d.rules), d.attempts, d.first_attempt_at,
    d.retry_at, d.parked, d.source, e.received_at, e.key, e.channel, e.upstream_id, e.subject, json(e.symbols),
    e.timeframe, e.direction, e.shape, e.threshold, e.price, e.cc, e.continuation, e.triggered_at, e.precision, e.data,
    d.updated_at, d.states
) AS claim
FROM deliveries d JOIN events e ON e.seq = d.event;
