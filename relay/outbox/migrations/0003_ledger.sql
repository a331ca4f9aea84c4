-- What a person has sent once more is a row of its own beside the delivery it repeats: `again` is 1. A dead letter that is
-- sent at last stays the one that it is.
ALTER TABLE deliveries ADD COLUMN again INTEGER NOT NULL DEFAULT 0;

-- The ledger: how many deliveries are in each state. Kept by the triggers below, because counting a million rows takes
-- longer than a page may. `reason` tells the suppressed apart; `again` keeps what a person sent again from hiding what
-- came of the event itself; `pruned` are those that retention has deleted.
CREATE TABLE tallies (
    destination TEXT    NOT NULL,
    again       INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    kept        INTEGER NOT NULL DEFAULT 0,
    pruned      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, again, state, reason)
) STRICT, WITHOUT ROWID;

INSERT INTO tallies (destination, again, state, reason, kept)
SELECT destination, again, state, iif(state = 'suppressed', last_code, '') AS reason, count(*)
FROM deliveries GROUP BY destination, again, state, reason;

CREATE TRIGGER tally_new AFTER INSERT ON deliveries BEGIN
    INSERT INTO tallies (destination, again, state, reason, kept)
    VALUES (NEW.destination, NEW.again, NEW.state, iif(NEW.state = 'suppressed', NEW.last_code, ''), 1)
    ON CONFLICT DO UPDATE SET kept = kept + 1;
END;

CREATE TRIGGER tally_changed AFTER UPDATE OF state, last_code ON deliveries
WHEN OLD.state <> NEW.state OR (NEW.state = 'suppressed' AND OLD.last_code <> NEW.last_code)
BEGIN
    UPDATE tallies SET kept = kept - 1
    WHERE destination = OLD.destination AND again = OLD.again AND state = OLD.state
      AND reason = iif(OLD.state = 'suppressed', OLD.last_code, '');
    INSERT INTO tallies (destination, again, state, reason, kept)
    VALUES (NEW.destination, NEW.again, NEW.state, iif(NEW.state = 'suppressed', NEW.last_code, ''), 1)
    ON CONFLICT DO UPDATE SET kept = kept + 1;
END;

-- What was being decided and turned out not to match was never a delivery: nothing of it is counted.
CREATE TRIGGER tally_gone AFTER DELETE ON deliveries BEGIN
    UPDATE tallies SET kept = kept - 1, pruned = pruned + (OLD.state <> 'deciding')
    WHERE destination = OLD.destination AND again = OLD.again AND state = OLD.state
      AND reason = iif(OLD.state = 'suppressed', OLD.last_code, '');
END;

-- One index for whatever is looked for by state, in place of one for each.
DROP INDEX deliveries_dead;
DROP INDEX deliveries_deciding;
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_by_queue ON deliveries (destination, state, id);
CREATE INDEX deliveries_replayed ON deliveries (id) WHERE again = 1;

-- For how long a destination has been off, in all, µs. The first attempts of what waits are kept without that time, and
-- told with it: so that to switch a destination on, nothing that waits is touched.
ALTER TABLE destinations ADD COLUMN away INTEGER NOT NULL DEFAULT 0;

-- What came since a time is found without reading all that came before.
CREATE INDEX events_received ON events (received_at);

DROP VIEW listings;

-- What listings show of a delivery, as one JSON array a row. It was received when its event was: the column of its own
-- says when it was queued, which is later for what is sent again by hand.
CREATE VIEW listings AS
SELECT d.id, json_array(
    d.id, e.key, e.channel, e.subject, e.timeframe, e.direction, d.destination, d.state, d.attempts, d.last_code,
    d.last_error, d.last_answer, d.webhook_id, d.sequence, json(d.rules), d.source, e.received_at, d.updated_at,
    d.first_attempt_at + iif(d.state = 'pending', (SELECT away FROM destinations WHERE name = d.destination), 0),
    d.retry_at, d.parked, e.data
) AS listing
FROM deliveries d JOIN events e ON e.seq = d.event;

-- Numbers up to these may have been given out to what a repair could not read any more: they are not given out again.
ALTER TABLE relay ADD COLUMN least_event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE relay ADD COLUMN least_delivery INTEGER NOT NULL DEFAULT 0;

DROP VIEW claims;

-- What a lane or the decider claims, as one JSON array a row.
CREATE VIEW claims AS
SELECT d.id, d.destination, d.ordering_key, d.state, d.parked, d.sequence, d.retry_at, json_array(
    d.id, d.destination, d.sequence, d.ordering_key, d.webhook_id, json(d.rules), d.attempts,
    d.first_attempt_at + (SELECT away FROM destinations WHERE name = d.destination), d.retry_at, d.parked, d.source,
    e.received_at, e.key, e.channel, e.upstream_id, e.subject, json(e.symbols), e.timeframe, e.direction, e.shape,
    e.threshold, e.price, e.cc, e.continuation, e.triggered_at, e.precision, e.data, d.updated_at, d.states
) AS claim
FROM deliveries d JOIN events e ON e.seq = d.event;
