-- What people look up and do: SQLite's part of the archive. Whatever may touch many rows goes from :after, or down
-- from :before, and looks at :limit of them: first their numbers, by the index that knows, then what they are.

-- name: list_events
-- The first of :seqs, until their objects have :bytes.
WITH RECURSIVE asked AS MATERIALIZED (SELECT key AS at, value AS seq FROM json_each(:seqs)),
fit(at, seq, bytes) AS (
    SELECT -1, NULL, 0
    UNION ALL
    SELECT a.at, a.seq, f.bytes + coalesce((SELECT length(data) FROM events e WHERE e.seq = a.seq), 0)
    FROM fit f CROSS JOIN asked a WHERE a.at = f.at + 1 AND f.bytes < :bytes
)
SELECT json_group_array(json_array(seq, key, channel, upstream_id, subject, json(symbols), timeframe, direction,
    shape, threshold, price, cc, triggered_at, precision, source, received_at, data,
    (SELECT json_group_array(json_array(destination, state, last_code, last_error)) FROM (
        SELECT d.destination, d.state, d.last_code, d.last_error FROM deliveries d WHERE d.event = page.seq ORDER BY d.id)),
    (SELECT json_array(c.baseline_id, c.baseline_before) FROM channels c
        WHERE c.name = page.channel AND c.baseline_before IS NOT NULL)))
FROM (SELECT * FROM events WHERE seq IN (SELECT seq FROM fit) ORDER BY seq DESC) page;

-- name: seqs_down
SELECT json_group_array(seq) FROM (
    SELECT seq FROM events WHERE seq > :after AND seq < :before ORDER BY seq DESC LIMIT :limit);

-- name: chosen_events
SELECT json_group_array(json_array(e.seq, e.channel, e.subject, json(e.symbols)))
FROM json_each(:seqs) s CROSS JOIN events e
WHERE e.seq = s.value AND (:since IS NULL OR e.received_at >= :since) AND (:until IS NULL OR e.received_at < :until)
  AND (:symbol IS NULL OR e.channel = 'alerts.simultaneous_breaks' OR e.subject = :symbol COLLATE NOCASE)
  AND (:glob IS NULL OR e.channel = 'alerts.simultaneous_breaks' OR upper(e.subject) GLOB :glob)
  AND (:destination IS NULL AND :rule IS NULL OR EXISTS (
      SELECT 1 FROM deliveries d WHERE d.event = e.seq AND (:destination IS NULL OR d.destination = :destination)
        AND (:rule IS NULL OR EXISTS (
            SELECT 1 FROM json_each(d.rules) r WHERE json_extract(r.value, '$.name') = :rule))));

-- name: event_by_id
SELECT seq FROM events WHERE channel = :channel AND upstream_id = :id;

-- name: event_by_key
-- Without an index of its own: a person asks for it, and rarely.
SELECT max(seq) FROM events WHERE channel = :channel AND key = :key;

-- name: newest_event
SELECT coalesce(max(seq), 0) FROM events;

-- name: extent
-- Between which numbers all events lie that were received in a span. The clock may have been set back in between, so
-- the numbers do not simply rise with the times.
SELECT min(seq), max(seq) FROM events INDEXED BY events_received WHERE received_at >= :since AND received_at < :until;

-- name: extent_after
SELECT min(seq), max(seq) FROM events WHERE seq > :after AND received_at >= :since AND received_at < :until;

-- name: last_original
-- The last delivery of the events up to one, but for those made later by hand: their numbers rise with the events'.
-- NULL where it is not found near.
SELECT max(id) FROM (SELECT id, again FROM deliveries WHERE event <= :event ORDER BY event DESC LIMIT 200)
WHERE again = 0;

-- name: ids_down
SELECT json_group_array(id) FROM (
    SELECT id FROM deliveries WHERE id > :after AND id < :before ORDER BY id DESC LIMIT :limit);

-- name: ids_replayed_down
SELECT json_group_array(id) FROM (
    SELECT id FROM deliveries WHERE again = 1 AND id > :after AND id < :before ORDER BY id DESC LIMIT :limit);

-- name: ids_of_event
SELECT json_group_array(id) FROM (
    SELECT id FROM deliveries WHERE event = :event AND id > :after AND id < :before ORDER BY id);

-- name: of_states
-- A part of the next two: those of up to six states; each part walks the index, and they are merged. A state that is
-- NULL has none.
SELECT id FROM deliveries WHERE state = :s0 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE state = :s1 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE state = :s2 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE state = :s3 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE state = :s4 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE state = :s5 AND id > :after AND id < :before

-- name: ids_by_state_up
SELECT json_group_array(id) FROM (/* of_states */ ORDER BY id LIMIT :limit);

-- name: ids_by_state_down
SELECT json_group_array(id) FROM (/* of_states */ ORDER BY id DESC LIMIT :limit);

-- name: of_queue
-- A part of the next two, likewise, of one destination.
SELECT id FROM deliveries WHERE destination = :destination AND state = :s0 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE destination = :destination AND state = :s1 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE destination = :destination AND state = :s2 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE destination = :destination AND state = :s3 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE destination = :destination AND state = :s4 AND id > :after AND id < :before
UNION ALL SELECT id FROM deliveries WHERE destination = :destination AND state = :s5 AND id > :after AND id < :before

-- name: ids_by_queue_up
SELECT json_group_array(id) FROM (/* of_queue */ ORDER BY id LIMIT :limit);

-- name: ids_by_queue_down
SELECT json_group_array(id) FROM (/* of_queue */ ORDER BY id DESC LIMIT :limit);

-- name: of_chosen
-- A part of those below: deliveries by number, those that are meant, as far as SQL can tell.
FROM json_each(:ids) i CROSS JOIN deliveries d CROSS JOIN events e
WHERE d.id = i.value AND e.seq = d.event
  AND (:states IS NULL OR d.state IN (SELECT value FROM json_each(:states)))
  AND (NOT :originals OR d.again = 0)
  AND (:event IS NULL OR d.event = :event)
  AND (:destination IS NULL OR d.destination = :destination)
  AND (:code IS NULL OR d.last_code = :code)
  AND (:rule IS NULL OR EXISTS (SELECT 1 FROM json_each(d.rules) r WHERE json_extract(r.value, '$.name') = :rule))
  AND (:since IS NULL OR e.received_at >= :since) AND (:until IS NULL OR e.received_at < :until)
  AND (:symbol IS NULL OR e.channel = 'alerts.simultaneous_breaks' OR e.subject = :symbol COLLATE NOCASE)
  AND (:glob IS NULL OR e.channel = 'alerts.simultaneous_breaks' OR upper(e.subject) GLOB :glob)

-- name: dropped
-- A part of the next ones: a person let go of it; `by_hand` is in queries.sql.
(d.state = 'expired' AND d.last_error = /* by_hand */)

-- name: chosen
-- Rows [id, destination, state, key, has a body, still asks, waits to be sent again, was dropped by hand, channel,
-- subject, symbols].
SELECT json_group_array(json_array(
    d.id, d.destination, d.state, e.key, e.data IS NOT NULL,
    d.state = 'expired' AND EXISTS (
        SELECT 1 FROM json_each(d.rules) r WHERE json_extract(r.value, '$.ask') IS NOT NULL),
    :originals AND EXISTS (
        SELECT 1 FROM deliveries o WHERE o.event = d.event AND o.destination = d.destination AND o.again = 1
          AND o.state IN ('pending', 'deciding')),
    /* dropped */,
    e.channel, e.subject, json(e.symbols)))
/* of_chosen */;

-- name: sendable
-- A part of the next one: what could be sent once more.
(e.data IS NOT NULL AND (:dropped OR NOT /* dropped */))

-- name: counted
-- Rows [state, destination, how many, without a body, sendable, of those wanted by no rule any more, the earliest and the
-- latest time of an alert among those]. Rules are only looked into where one has a `max_age`: that costs most. :ages are
-- those that destinations have now, by name, µs.
WITH ages AS MATERIALIZED (SELECT key AS name, value AS age FROM json_each(:ages))
SELECT json_group_array(json_array(state, destination, number, bodiless, sendable, overdue, earliest, latest)) FROM (
    SELECT d.state, d.destination, count(*) AS number, sum(e.data IS NULL) AS bodiless,
        sum(/* sendable */) AS sendable,
        sum(CASE WHEN NOT /* sendable */ THEN 0
            WHEN coalesce(e.triggered_at, e.received_at)
                + (SELECT age FROM ages WHERE ages.name = d.destination) <= :now THEN 1
            WHEN instr(d.rules, 'expires_at_us') = 0 THEN 0
            ELSE NOT EXISTS (
                SELECT 1 FROM json_each(d.rules) r
                WHERE json_extract(r.value, '$.suppressed') IS NULL
                  AND coalesce(json_extract(r.value, '$.expires_at_us') > :now, TRUE)) END) AS overdue,
        min(coalesce(e.triggered_at, e.received_at)) FILTER (WHERE /* sendable */) AS earliest,
        max(coalesce(e.triggered_at, e.received_at)) FILTER (WHERE /* sendable */) AS latest
    /* of_chosen */
    GROUP BY d.state, d.destination);

-- name: list_deliveries
-- The first of :ids, until their objects have :bytes.
WITH RECURSIVE asked AS MATERIALIZED (SELECT key AS at, value AS id FROM json_each(:ids)),
fit(at, id, bytes) AS (
    SELECT -1, NULL, 0
    UNION ALL
    SELECT a.at, a.id, f.bytes + coalesce((
        SELECT length(e.data) FROM deliveries d CROSS JOIN events e WHERE d.id = a.id AND e.seq = d.event), 0)
    FROM fit f CROSS JOIN asked a WHERE a.at = f.at + 1 AND f.bytes < :bytes
)
SELECT json_group_array(json(listing)) FROM (
    SELECT listing FROM listings WHERE id IN (SELECT id FROM fit) ORDER BY id DESC);

-- name: revive
-- Rows [id, sequence]. Attempts go on being counted: a receiver is told that it is not the first time. For how long it
-- is tried, and whatever a lane decides by their number, begins anew with the next one.
WITH rows AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS sequence FROM json_each(:rows)
)
UPDATE deliveries SET state = 'pending', earlier = earlier + attempts, attempts = 0, first_attempt_at = NULL,
    retry_at = 0, parked = 0, sequence = rows.sequence, updated_at = :at
FROM rows WHERE deliveries.id = rows.id AND deliveries.state = 'dead';

-- name: send_at_last
-- Dead letters in a replay, rows [id, sequence, webhook id or null]. They are revived, and received anew, as `replay`
-- says.
WITH rows AS MATERIALIZED (
    SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS sequence,
           json_extract(value, '$[2]') AS webhook_id
    FROM json_each(:rows)
)
UPDATE deliveries SET state = 'pending', source = 'replay', earlier = earlier + attempts, attempts = 0,
    first_attempt_at = NULL, retry_at = 0, parked = 0, sequence = rows.sequence, webhook_id = coalesce(rows.webhook_id, deliveries.webhook_id),
    received_at = :at, updated_at = :at
FROM rows WHERE deliveries.id = rows.id AND deliveries.state = 'dead';

-- name: replay
-- Rows [id of what is repeated, id, sequence, webhook id or null, state]. `received_at` is when it was queued again:
-- by it the queue's age is measured, and what waits is dropped. What receivers are told is the event's own.
INSERT INTO deliveries (
    id, event, destination, sequence, ordering_key, webhook_id, rules, source, state, received_at, updated_at, states,
    again
)
SELECT json_extract(r.value, '$[1]'), d.event, d.destination, json_extract(r.value, '$[2]'), d.ordering_key,
    coalesce(json_extract(r.value, '$[3]'), d.webhook_id), d.rules, 'replay', json_extract(r.value, '$[4]'), :at, :at,
    d.states, 1
FROM json_each(:rows) r CROSS JOIN deliveries d WHERE d.id = json_extract(r.value, '$[0]');

-- name: drop_by_hand
UPDATE deliveries SET state = 'expired', last_error = /* by_hand */, updated_at = :at,
    first_attempt_at = first_attempt_at + iif(state = 'pending',
        (SELECT away FROM destinations WHERE name = destination), 0)
WHERE id IN (SELECT value FROM json_each(:ids)) AND state IN (SELECT value FROM json_each(:states));
