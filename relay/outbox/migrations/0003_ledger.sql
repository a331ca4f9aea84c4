-- The ledger: how many deliveries are in each state. Kept by the triggers below, because counting a million rows takes
-- longer than a page may. `reason` tells the suppressed apart; `replay` keeps what a person sent again from hiding what
-- came of the event itself; `pruned` are those that retention has deleted.
CREATE TABLE tallies (
    destination TEXT    NOT NULL,
    replay      INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    kept        INTEGER NOT NULL DEFAULT 0,
    pruned      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, replay, state, reason)
) STRICT, WITHOUT ROWID;

INSERT INTO tallies (destination, replay, state, reason, kept)
SELECT destination, source = 'replay' AS again, state, iif(state = 'suppressed', last_code, '') AS reason, count(*)
FROM deliveries GROUP BY destination, again, state, reason;

CREATE TRIGGER tally_new AFTER INSERT ON deliveries BEGIN
    INSERT INTO tallies (destination, replay, state, reason, kept)
    VALUES (NEW.destination, NEW.source = 'replay', NEW.state, iif(NEW.state = 'suppressed', NEW.last_code, ''), 1)
    ON CONFLICT DO UPDATE SET kept = kept + 1;
END;

CREATE TRIGGER tally_changed AFTER UPDATE OF state, source, last_code ON deliveries
WHEN OLD.state <> NEW.state OR (OLD.source = 'replay') <> (NEW.source = 'replay')
  OR (NEW.state = 'suppressed' AND OLD.last_code <> NEW.last_code)
BEGIN
    UPDATE tallies SET kept = kept - 1
    WHERE destination = OLD.destination AND replay = (OLD.source = 'replay') AND state = OLD.state
      AND reason = iif(OLD.state = 'suppressed', OLD.last_code, '');
    INSERT INTO tallies (destination, replay, state, reason, kept)
    VALUES (NEW.destination, NEW.source = 'replay', NEW.state, iif(NEW.state = 'suppressed', NEW.last_code, ''), 1)
    ON CONFLICT DO UPDATE SET kept = kept + 1;
END;

-- What was being decided and turned out not to match was never a delivery: nothing of it is counted.
CREATE TRIGGER tally_gone AFTER DELETE ON deliveries BEGIN
    UPDATE tallies SET kept = kept - 1, pruned = pruned + (OLD.state <> 'deciding')
    WHERE destination = OLD.destination AND replay = (OLD.source = 'replay') AND state = OLD.state
      AND reason = iif(OLD.state = 'suppressed', OLD.last_code, '');
END;

-- One index for whatever is looked for by state, in place of one for each.
DROP INDEX deliveries_dead;
DROP INDEX deliveries_deciding;
CREATE INDEX deliveries_by_state ON deliveries (state, id);

-- What came since a time is found without reading all that came before.
CREATE INDEX events_received ON events (received_at);
