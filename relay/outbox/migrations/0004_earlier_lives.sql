-- How often a dead letter was tried before it was queued again, however often that was. `attempts` are those since: what
-- a lane goes by begins anew with them; what people and receivers are told is the sum.
ALTER TABLE deliveries ADD COLUMN earlier INTEGER NOT NULL DEFAULT 0;

UPDATE deliveries SET earlier = attempts, attempts = 0
WHERE state = 'pending' AND first_attempt_at IS NULL AND attempts > 0;

DROP VIEW claims;

-- What a lane or the decider claims, as one JSON array a row.
CREATE VIEW claims AS
SELECT d.id, d.destination, d.ordering_key, d.state, d.parked, d.sequence, d.retry_at, json_array(
    d.id, d.destination, d.sequence, d.ordering_key, d.webhook_id, json(d.rules), d.attempts,
    d.first_attempt_at + (SELECT away FROM destinations WHERE name = d.destination), d.retry_at, d.parked, d.source,
    e.received_at, e.key, e.channel, e.upstream_id, e.subject, json(e.symbols), e.timeframe, e.direction, e.shape,
    e.threshold, e.price, e.cc, e.continuation, e.triggered_at, e.precision, e.data, d.updated_at, d.states, d.earlier
) AS claim
FROM deliveries d JOIN events e ON e.seq = d.event;

DROP VIEW listings;

-- What listings show of a delivery, as one JSON array a row. It was received when its event was: the column of its own
-- says when it was queued, which is later for what is sent again by hand.
CREATE VIEW listings AS
SELECT d.id, json_array(
    d.id, e.key, e.channel, e.subject, e.timeframe, e.direction, d.destination, d.state, d.earlier + d.attempts,
    d.last_code, d.last_error, d.last_answer, d.webhook_id, d.sequence, json(d.rules), d.source, e.received_at,
    d.updated_at,
    d.first_attempt_at + iif(d.state = 'pending', (SELECT away FROM destinations WHERE name = d.destination), 0),
    d.retry_at, d.parked, e.data
) AS listing
FROM deliveries d JOIN events e ON e.seq = d.event;
