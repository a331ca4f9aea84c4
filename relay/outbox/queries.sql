-- Every statement of the store, by name. Reads that may return many rows return them as one JSON text: sqlite3
-- hands the interpreter's lock over at each row, and beside a busy event loop each of those costs milliseconds.

-- name: first_started
SELECT first_started_at FROM relay;

-- name: counters
SELECT max(least_event, (SELECT coalesce(max(seq), 0) FROM events)),
       max(least_delivery, (SELECT coalesce(max(id), 0) FROM deliveries)),
       (SELECT json_group_object(name, sequence) FROM destinations)
FROM relay;

-- name: sightings
-- Stored events that may be one of the arrivals [id, channel, subject, from, to]; the caller compares them exactly.
WITH arrivals AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS channel,
           json_extract(value, '$[2]') AS subject, json_extract(value, '$[3]') AS since,
           json_extract(value, '$[4]') AS until
    FROM json_each(:arrivals)
), found AS (
    SELECT e.seq FROM arrivals a CROSS JOIN events e
    WHERE a.id IS NOT NULL AND e.channel = a.channel AND e.upstream_id = a.id
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_unclaimed
    WHERE a.id IS NOT NULL AND a.subject IS NOT NULL AND e.upstream_id IS NULL
      AND e.channel = a.channel AND e.subject = a.subject AND e.triggered_at BETWEEN a.since AND a.until
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_unclaimed
    WHERE a.id IS NOT NULL AND a.subject IS NOT NULL AND e.upstream_id IS NULL
      AND e.channel = a.channel AND e.subject = a.subject AND e.triggered_at IS NULL
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_unclaimed
    WHERE a.id IS NOT NULL AND e.upstream_id IS NULL AND e.channel = a.channel AND e.subject IS NULL
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_unclaimed
    WHERE a.id IS NOT NULL AND a.subject IS NULL AND e.upstream_id IS NULL AND e.channel = a.channel
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_by_nature
    WHERE a.id IS NULL AND a.subject IS NOT NULL
      AND e.channel = a.channel AND e.subject = a.subject AND e.triggered_at BETWEEN a.since AND a.until
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_by_nature
    WHERE a.id IS NULL AND a.subject IS NOT NULL
      AND e.channel = a.channel AND e.subject = a.subject AND e.triggered_at IS NULL
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_by_nature
    WHERE a.id IS NULL AND e.channel = a.channel AND e.subject IS NULL
    UNION
    SELECT e.seq FROM arrivals a CROSS JOIN events e INDEXED BY events_by_nature
    WHERE a.id IS NULL AND a.subject IS NULL AND e.channel = a.channel
      AND (e.triggered_at IS NULL OR e.triggered_at BETWEEN a.since AND a.until)
)
SELECT json_group_array(json_array(
    e.seq, e.received_at, e.channel, e.upstream_id, e.subject, json(e.symbols), e.timeframe, e.direction, e.shape,
    e.threshold, e.triggered_at, e.precision))
FROM found JOIN events e ON e.seq = found.seq;

-- name: insert_events
-- Rows without a number are empty: they fill the statement up.
INSERT INTO events (
    seq, key, channel, upstream_id, subject, symbols, timeframe, direction, shape, threshold, price, cc, continuation,
    triggered_at, precision, source, received_at, data
) SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL;

-- name: insert_deliveries
-- Likewise.
INSERT INTO deliveries (
    id, event, destination, sequence, ordering_key, webhook_id, rules, source, state, last_code, last_error, received_at,
    updated_at
) SELECT * FROM (VALUES /* rows */) WHERE column1 IS NOT NULL;

-- name: withheld
-- Of the sightings [event, destination], those whose delivery waits for just that.
SELECT json_group_array(json_array(d.event, d.id, d.destination, json(d.rules)))
FROM json_each(:sightings) s CROSS JOIN deliveries d INDEXED BY deliveries_of_event
WHERE d.event = json_extract(s.value, '$[0]') AND d.destination = json_extract(s.value, '$[1]')
  AND d.state = 'suppressed' AND d.last_code = :code;

-- name: release
-- Rows [id, sequence, state].
UPDATE deliveries SET state = json_extract(r.value, '$[2]'), sequence = json_extract(r.value, '$[1]'), source = :source,
    last_code = '', last_error = ''
FROM json_each(:rows) r WHERE deliveries.id = json_extract(r.value, '$[0]') AND deliveries.state = 'suppressed';

-- name: claim_ids
UPDATE events SET upstream_id = (SELECT json_extract(value, '$[1]') FROM json_each(:claims)
                                 WHERE json_extract(value, '$[0]') = events.seq)
WHERE seq IN (SELECT json_extract(value, '$[0]') FROM json_each(:claims));

-- name: deciding
SELECT json_group_array(json(claim)) FROM (
    SELECT claim FROM claims WHERE state = 'deciding' AND id > :after ORDER BY id LIMIT :limit);

-- name: still_deciding
SELECT json_group_array(id) FROM deliveries
WHERE state = 'deciding' AND id IN (SELECT value FROM json_each(:ids));

-- name: decide
-- Rows [id, state, sequence, rules, code, error, states]; no sequence leaves it as it is.
WITH decided AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS id, value AS v FROM json_each(:rows)
)
UPDATE deliveries SET
    state = json_extract(v, '$[1]'), sequence = coalesce(json_extract(v, '$[2]'), sequence),
    rules = json_extract(v, '$[3]'), last_code = json_extract(v, '$[4]'), last_error = json_extract(v, '$[5]'),
    states = json_extract(v, '$[6]'), updated_at = :at
FROM decided WHERE deliveries.id = decided.id AND deliveries.state = 'deciding';

-- name: remove_undecided
DELETE FROM deliveries WHERE state = 'deciding' AND id IN (SELECT value FROM json_each(:ids));

-- name: insert_marks
INSERT INTO marks (rule, subject, timeframe, direction, at, count, noted_at, precision, shape, upstream_id)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
       json_extract(value, '$[9]')
FROM json_each(:rows);

-- name: marks
SELECT json_group_array(json_array(rule, subject, timeframe, direction, at, count, noted_at, precision, shape,
                                   upstream_id))
FROM (SELECT * FROM (SELECT rowid AS number, * FROM marks WHERE noted_at >= :since ORDER BY noted_at DESC, rowid DESC
                     LIMIT :limit) ORDER BY noted_at, number);

-- name: note_sides
INSERT INTO sides (rule, symbol, condition, side)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]')
FROM json_each(:rows) WHERE true
ON CONFLICT (rule, symbol) DO UPDATE SET condition = excluded.condition, side = excluded.side;

-- name: forget_sides
DELETE FROM sides WHERE (rule, symbol) NOT IN (
    SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:kept));

-- name: sides
SELECT json_group_array(json_array(rule, symbol, condition, side)) FROM sides;

-- name: snooze
INSERT INTO snoozes (kind, name, since, until) VALUES (:kind, :name, :since, :until)
ON CONFLICT (kind, name) DO UPDATE SET since = excluded.since, until = excluded.until;

-- name: wake
DELETE FROM snoozes WHERE kind = :kind AND name = :name;

-- name: snoozes
SELECT json_group_array(json_array(kind, name, since, until)) FROM (SELECT * FROM snoozes ORDER BY since, kind, name);

-- name: bump_sequences
INSERT INTO destinations (name, sequence)
SELECT key, value FROM json_each(:sequences) WHERE true
ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence;

-- name: insert_round
INSERT INTO rounds (channel, position, began_at, completed_at) VALUES (:channel, :position, :began_at, :completed_at);

-- name: forget_rounds
-- Keeps the newest round and, for telling where the cursor stood, the last hour and the newest before it.
DELETE FROM rounds
WHERE channel = :channel AND completed_at < (
    SELECT max(completed_at) FROM rounds WHERE channel = :channel AND completed_at <= :keep_from);

-- name: set_baseline
INSERT INTO channels (name, baseline_id, baseline_before) VALUES (:channel, :id, :before)
ON CONFLICT (name) DO UPDATE SET baseline_id = excluded.baseline_id, baseline_before = excluded.baseline_before;

-- name: learn_page
INSERT INTO channels (name, largest_page) VALUES (:channel, :size)
ON CONFLICT (name) DO UPDATE SET largest_page = max(largest_page, excluded.largest_page);

-- name: insert_hole
INSERT INTO holes (channel, after_id, up_to_id, part, found_at)
VALUES (:channel, :after_id, :up_to_id, :part, :found_at)
ON CONFLICT DO NOTHING;

-- name: channel
SELECT (SELECT json_array(baseline_id, baseline_before, largest_page) FROM channels WHERE name = :channel),
       (SELECT json_group_array(json_array(position, began_at, completed_at))
        FROM (SELECT * FROM rounds WHERE channel = :channel ORDER BY rowid));

-- name: known_symbols
SELECT json_group_array(subject) FROM (
    SELECT DISTINCT subject FROM events WHERE channel = 'alerts.in_force' AND subject IS NOT NULL ORDER BY subject);

-- name: holes
SELECT json_group_array(json_array(channel, after_id, up_to_id, part, found_at))
FROM (SELECT * FROM holes ORDER BY rowid DESC LIMIT :limit);

-- name: claim
SELECT (SELECT coalesce(max(sequence), 0) FROM destinations WHERE name = :destination), json_group_array(json(claim))
FROM (
    SELECT claim FROM claims
    WHERE destination = :destination AND state = 'pending' AND parked = 0 AND sequence > :after
      AND (:skip IS NULL OR ordering_key NOT IN (SELECT value FROM json_each(:skip)))
    ORDER BY sequence LIMIT :limit
);

-- name: claim_key
SELECT json_group_array(json(claim)) FROM (
    SELECT claim FROM claims
    WHERE destination = :destination AND ordering_key = :key AND state = 'pending' AND parked = 0 AND sequence > :after
    ORDER BY sequence LIMIT :limit
);

-- name: claim_parked
-- A time after :latest was noted before the clock was set back: it counts as due.
SELECT json_group_array(json(claim)) FROM (
    SELECT claim FROM claims
    WHERE destination = :destination AND state = 'pending' AND parked = 1
      AND (retry_at <= :due OR retry_at > :latest)
    ORDER BY retry_at LIMIT :limit
);

-- name: next_parked
SELECT min(retry_at) FROM deliveries
WHERE destination = :destination AND state = 'pending' AND parked = 1 AND retry_at > :after;

-- name: settle
-- Rows [id, state, attempts, first_attempt_at, retry_at, parked, code, error, answer, at]. Of what waits on, the time
-- for which its destination was off is taken out of the first attempt; the view `claims` adds it again.
WITH settled AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS id, value AS v FROM json_each(:rows)
)
UPDATE deliveries SET
    state = json_extract(v, '$[1]'), attempts = json_extract(v, '$[2]'),
    first_attempt_at = json_extract(v, '$[3]') - iif(json_extract(v, '$[1]') = 'pending',
        (SELECT away FROM destinations WHERE name = destination), 0),
    retry_at = json_extract(v, '$[4]'), parked = json_extract(v, '$[5]'), last_code = json_extract(v, '$[6]'),
    last_error = json_extract(v, '$[7]'), last_answer = json_extract(v, '$[8]'), updated_at = json_extract(v, '$[9]')
FROM settled WHERE deliveries.id = settled.id AND deliveries.state = 'pending';

-- name: waiting
-- Of the next of a destination's pending deliveries, by number: how far that is, and those received before a time.
SELECT max(id), json_group_array(id) FILTER (WHERE received_at < :before), count(*)
FROM (SELECT id, received_at FROM deliveries WHERE destination = :destination AND state = 'pending' AND id > :after
      ORDER BY id LIMIT :limit);

-- name: by_hand
-- A part of what drops by hand, and of what asks whether that was so: nothing but this text, in `last_error` of an expired
-- delivery, tells that a person let go of it, and a replay leaves it. Stores hold it: with another text, what was dropped
-- before is sent.
'dropped by an operator'

-- name: drop_waiting
UPDATE deliveries SET state = 'expired', last_error = /* by_hand */, updated_at = :at,
    first_attempt_at = first_attempt_at + (SELECT away FROM destinations WHERE name = destination)
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'pending';

-- name: destination
SELECT switch, reason, since, fingerprint, held_since, held_until FROM destinations WHERE name = :name;

-- name: switch
INSERT INTO destinations (name, switch, reason, since, fingerprint)
VALUES (:name, :switch, :reason, :since, :fingerprint)
ON CONFLICT (name) DO UPDATE SET switch = excluded.switch, reason = excluded.reason, since = excluded.since,
    fingerprint = excluded.fingerprint;

-- name: hold
INSERT INTO destinations (name, held_since, held_until) VALUES (:name, :since, :until)
ON CONFLICT (name) DO UPDATE SET held_since = excluded.held_since, held_until = excluded.held_until;

-- name: add_away
UPDATE destinations SET away = away + :by WHERE name = :name;

-- name: tallies
SELECT json_group_array(json_array(destination, again, state, reason, kept, pruned))
FROM tallies WHERE kept <> 0 OR pruned <> 0;

-- name: oldest_waiting
-- Of each queue that is not empty, when what waits at its head, and the oldest of what is parked, was received.
SELECT json_group_object(name, oldest) FROM (
    SELECT n.destination AS name, (SELECT min(received_at) FROM (
        SELECT received_at FROM (SELECT received_at FROM deliveries d
            WHERE d.destination = n.destination AND d.state = 'pending' AND d.parked = 0 ORDER BY sequence LIMIT 1)
        UNION ALL
        SELECT min(received_at) FROM deliveries d INDEXED BY deliveries_parked
        WHERE d.destination = n.destination AND d.state = 'pending' AND d.parked = 1)) AS oldest
    FROM (SELECT DISTINCT destination FROM tallies WHERE state = 'pending' AND kept > 0) n);

-- name: ledger_faults
-- What must not be: [what, how many] each. It reads every delivery: for a person who asks.
SELECT json_array(
    json_array('deliveries of events that are not there', (
        SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event))),
    json_array('events that one destination has twice', (
        SELECT count(*) FROM (
            SELECT 1 FROM deliveries WHERE again = 0 GROUP BY event, destination HAVING count(*) > 1))),
    json_array('deliveries in no known state', (
        SELECT count(*) FROM deliveries
        WHERE state NOT IN ('pending', 'deciding', 'delivered', 'dead', 'expired', 'suppressed'))),
    json_array('sums of the ledger that counting does not confirm', (
        WITH counted AS (
            SELECT destination, again, state, iif(state = 'suppressed', last_code, '') AS reason,
                   count(*) AS n
            FROM deliveries GROUP BY destination, again, state, reason
        ), tallied AS (
            SELECT destination, again, state, reason, kept AS n FROM tallies WHERE kept <> 0
        )
        SELECT (SELECT count(*) FROM (SELECT * FROM counted EXCEPT SELECT * FROM tallied))
             + (SELECT count(*) FROM (SELECT * FROM tallied EXCEPT SELECT * FROM counted)))));

-- name: prune_deliveries
-- Dead letters are unfinished business: they stay until someone decides.
DELETE FROM deliveries WHERE id IN (
    SELECT id FROM deliveries INDEXED BY deliveries_finished
    WHERE state <> 'pending' AND state IN ('delivered', 'expired', 'suppressed') AND updated_at < :before
    ORDER BY updated_at LIMIT :limit);

-- name: prune_bodies
UPDATE events SET data = NULL
WHERE seq > :from_seq AND seq <= :to_seq AND data IS NOT NULL AND received_at < :before
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = events.seq);

-- name: prune_identities
-- An identity goes only when REST can no longer show it again: older than asked, and at or below the cursor's overlap.
-- Without an id it lies below if it came before that round began; a channel without rounds has nothing to show again.
DELETE FROM events
WHERE seq > :from_seq AND seq <= :to_seq AND data IS NULL AND received_at < :before
  AND iif(upstream_id IS NULL,
      received_at < coalesce((
          SELECT began_at FROM rounds r WHERE r.channel = events.channel ORDER BY rowid LIMIT 1), :before),
      upstream_id <= coalesce((
          SELECT position FROM rounds r WHERE r.channel = events.channel ORDER BY rowid LIMIT 1), 0))
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = events.seq);

-- name: prune_marks
DELETE FROM marks WHERE rowid IN (SELECT rowid FROM marks WHERE noted_at < :before ORDER BY noted_at LIMIT :limit);

-- name: prune_snoozes
DELETE FROM snoozes WHERE until < :before;
