-- A store of schema 1, as the relay of commit e1fe5bb left it (an earlier make_store.py).
PRAGMA auto_vacuum = 0;
PRAGMA application_id = 1380273217;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE channels (
    name            TEXT    PRIMARY KEY,
    baseline_id     INTEGER,
    baseline_before INTEGER,
    largest_page    INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "channels" VALUES('alerts.in_force',0,1795352927000000,5);
INSERT INTO "channels" VALUES('alerts.simultaneous_breaks',0,1795352927000000,2);
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
INSERT INTO "deliveries" VALUES(1,1,'bot',1,'REF1','msg_6405c4f0de07efffdaf30a4aede79268','[{"name":"in force"}]','live','delivered',1,1795352928273388,0,0,'200','answered 200 OK','',1795352928247896,1795352928273388);
INSERT INTO "deliveries" VALUES(2,1,'fails',1,'REF1','msg_183d5b5881d6833658f57f6373b0c414','[{"name":"in force"}]','live','pending',2,1795352928271201,1795352929010035,0,'503','answered 503 Service Unavailable','',1795352928247896,1795352928960984);
INSERT INTO "deliveries" VALUES(3,1,'paused',1,'REF1','msg_705cb8cfd935f1a240d6413273e1d692','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352928247896,1795352928247896);
INSERT INTO "deliveries" VALUES(4,1,'refuses',1,'REF1','msg_3becac4b78334acd3f63202676c4d5d3','[{"name":"few"}]','live','dead',1,1795352928273045,0,0,'404','answered 404 Not Found','',1795352928247896,1795352928273045);
INSERT INTO "deliveries" VALUES(5,1,'gone',1,'REF1','msg_e8fb905551a1c600eb62a466a7202f42','[{"name":"few"}]','live','dead',1,1795352928273503,0,0,'410','answered 410 Gone','',1795352928247896,1795352928273503);
INSERT INTO "deliveries" VALUES(6,1,'late',1,'REF1','msg_8adcf069cc22db00e4862c12713dd4d6','[{"name":"few","expires_at_us":1795352928247989}]','live','expired',0,NULL,0,0,'','older than max_age','',1795352928247896,1795352928257813);
INSERT INTO "deliveries" VALUES(7,2,'bot',2,'REF2','msg_76247b3f1a1587a16f18c0485f08308f','[{"name":"in force"}]','live','delivered',1,1795352928282339,0,0,'200','answered 200 OK','',1795352928249728,1795352928282339);
INSERT INTO "deliveries" VALUES(8,2,'fails',2,'REF2','msg_9c673f9e06eb5abd861856d371140ad7','[{"name":"in force"}]','live','pending',2,1795352928281365,1795352929385023,0,'503','answered 503 Service Unavailable','',1795352928249728,1795352929012995);
INSERT INTO "deliveries" VALUES(9,2,'paused',2,'REF2','msg_8c70cd8fb0f9c3c1fafba2ef29ecd725','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352928249728,1795352928249728);
INSERT INTO "deliveries" VALUES(10,2,'refuses',2,'REF2','msg_7eb594ef54f7d1278e0ec8ab3809afbf','[{"name":"few"}]','live','dead',1,1795352928281767,0,0,'404','answered 404 Not Found','',1795352928249728,1795352928281767);
INSERT INTO "deliveries" VALUES(11,2,'gone',2,'REF2','msg_469eacb7480da2792432037a825d2cd7','[{"name":"few"}]','live','dead',1,1795352928282696,0,0,'410','answered 410 Gone','',1795352928249728,1795352928282696);
INSERT INTO "deliveries" VALUES(12,2,'late',2,'REF2','msg_38105c4f422e9c1fc505c90a3a1c8bcb','[{"name":"few","expires_at_us":1795352928248209}]','live','expired',0,NULL,0,0,'','older than max_age','',1795352928249728,1795352928266854);
INSERT INTO "deliveries" VALUES(13,3,'bot',3,'OLD1','msg_979381bbe233e8dc96b8c3d635506c3a','[{"name":"in force"}]','live','delivered',1,1795352928282432,0,0,'200','answered 200 OK','',1795352928249753,1795352928282432);
INSERT INTO "deliveries" VALUES(14,3,'fails',3,'OLD1','msg_ee41e8f439aaf54416fc9d1a74b276e0','[{"name":"in force"}]','live','pending',2,1795352928281506,1795352929658056,0,'503','answered 503 Service Unavailable','',1795352928249753,1795352929388958);
INSERT INTO "deliveries" VALUES(15,3,'paused',3,'OLD1','msg_18bf105dbb6caa3fa8d5014b8e1f0812','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352928249753,1795352928249753);
INSERT INTO "deliveries" VALUES(16,3,'refuses',3,'OLD1','msg_1704813b5cd7aacfd9e2d22a6f25de9d','[{"name":"few"}]','live','dead',1,1795352928282161,0,0,'404','answered 404 Not Found','',1795352928249753,1795352928282161);
INSERT INTO "deliveries" VALUES(17,3,'gone',3,'OLD1','msg_f0fda2acb2aa3de7418b8c0899acc5ce','[{"name":"few"}]','live','dead',1,1795352928282915,0,0,'410','answered 410 Gone','',1795352928249753,1795352928282915);
INSERT INTO "deliveries" VALUES(18,3,'late',3,'OLD1','msg_2828a3a26f29998e61cd584721a6e77c','[{"name":"few","expires_at_us":1795352928248242}]','live','expired',0,NULL,0,0,'','older than max_age','',1795352928249753,1795352928266879);
INSERT INTO "deliveries" VALUES(19,4,'bot',4,'AAPL','msg_1431d0295ac0db9d1857a8ce55ad9298','[{"name":"in force"}]','live','delivered',1,1795352928282497,0,0,'200','answered 200 OK','',1795352928249775,1795352928282497);
INSERT INTO "deliveries" VALUES(20,4,'fails',4,'AAPL','msg_4316091389f1f9fa4be268bcf9f68fd0','[{"name":"in force"}]','live','pending',2,1795352928281590,1795352929783749,0,'503','answered 503 Service Unavailable','',1795352928249775,1795352929661900);
INSERT INTO "deliveries" VALUES(21,4,'paused',4,'AAPL','msg_55b77a6aaa528cf7c3213d74893ba6b5','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352928249775,1795352928249775);
INSERT INTO "deliveries" VALUES(22,5,'bot',5,'SPY','msg_fde6b2e5ec3749fd568d8a7e26d05dea','[{"name":"in force"}]','live','delivered',1,1795352928282562,0,0,'200','answered 200 OK','',1795352928249836,1795352928282562);
INSERT INTO "deliveries" VALUES(23,5,'fails',5,'SPY','msg_ecba1fd6534f7f70e98537521cdb3ee0','[{"name":"in force"}]','live','pending',2,1795352928281682,1795352930046672,0,'503','answered 503 Service Unavailable','',1795352928249836,1795352929786354);
INSERT INTO "deliveries" VALUES(24,5,'paused',5,'SPY','msg_ed0e31852e08cb8a3e060b0ab3b79e1e','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352928249836,1795352928249836);
INSERT INTO "deliveries" VALUES(25,6,'bot',6,'breaks','msg_d7f50434f37102eb709993b10ffc2704','[{"name":"breaks"}]','live','delivered',1,1795352928282620,0,0,'200','answered 200 OK','',1795352928249863,1795352928282620);
INSERT INTO "deliveries" VALUES(26,6,'paused',6,'breaks','msg_464ef5bd1ced62172b08fc02537eeaf0','[{"name":"breaks"}]','live','pending',0,NULL,0,0,'','','',1795352928249863,1795352928249863);
INSERT INTO "deliveries" VALUES(27,7,'bot',7,'breaks','msg_21f1a6cd0436a27f634b5cb44b66c728','[{"name":"breaks"}]','live','delivered',1,1795352928289229,0,0,'200','answered 200 OK','',1795352928249886,1795352928289229);
INSERT INTO "deliveries" VALUES(28,7,'paused',7,'breaks','msg_79bb603e646a6afc555dff2b70c55e3f','[{"name":"breaks"}]','live','pending',0,NULL,0,0,'','','',1795352928249886,1795352928249886);
INSERT INTO "deliveries" VALUES(29,8,'bot',8,'H4','msg_07c241c7e261dde16e9b39ef4b265cf8','[{"name":"in force"}]','backfill','delivered',1,1795352928333110,0,0,'200','answered 200 OK','',1795352928327211,1795352928333110);
INSERT INTO "deliveries" VALUES(30,8,'fails',6,'H4','msg_0a30385a94236bacaa98aac4d136784d','[{"name":"in force"}]','backfill','pending',2,1795352928352240,1795352930084626,0,'503','answered 503 Service Unavailable','',1795352928327211,1795352930051527);
INSERT INTO "deliveries" VALUES(31,8,'paused',8,'H4','msg_d0a100b8b73235bf254f5885a858f4ad','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352928327211,1795352928327211);
INSERT INTO "deliveries" VALUES(32,9,'bot',9,'H5','msg_12eb9765ea35f7f5053e77b2548e44a9','[{"name":"in force"}]','backfill','delivered',1,1795352928334867,0,0,'200','answered 200 OK','',1795352928327211,1795352928334867);
INSERT INTO "deliveries" VALUES(33,9,'fails',7,'H5','msg_4f951187598d1ea6b1806eb14825839d','[{"name":"in force"}]','backfill','pending',2,1795352928402765,1795352930094189,0,'503','answered 503 Service Unavailable','',1795352928327211,1795352930087859);
INSERT INTO "deliveries" VALUES(34,9,'paused',9,'H5','msg_997a0f12604c3928bed3f4fb481b3bc3','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352928327211,1795352928327211);
INSERT INTO "deliveries" VALUES(35,10,'bot',10,'H6','msg_1ce98c2bc54d96edf45921417feae214','[{"name":"in force"}]','backfill','delivered',1,1795352928334968,0,0,'200','answered 200 OK','',1795352928327211,1795352928334968);
INSERT INTO "deliveries" VALUES(36,10,'fails',8,'H6','msg_8fd6440033f052a8aa821f0ba06e8cb1','[{"name":"in force"}]','backfill','pending',2,1795352928434715,1795352930437208,0,'503','answered 503 Service Unavailable','',1795352928327211,1795352930097665);
INSERT INTO "deliveries" VALUES(37,10,'paused',10,'H6','msg_78ae86cad6e6116bdb2b8965c5285136','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352928327211,1795352928327211);
INSERT INTO "deliveries" VALUES(38,11,'bot',11,'H7','msg_d169b0a22c2be2acac47fd77fd58e33d','[{"name":"in force"}]','backfill','delivered',1,1795352928335044,0,0,'200','answered 200 OK','',1795352928327211,1795352928335044);
INSERT INTO "deliveries" VALUES(39,11,'fails',9,'H7','msg_ed5d055d29fc87f6b6014a482e179060','[{"name":"in force"}]','backfill','pending',2,1795352928650737,1795352930731784,0,'503','answered 503 Service Unavailable','',1795352928327211,1795352930439427);
INSERT INTO "deliveries" VALUES(40,11,'paused',11,'H7','msg_4615284c7bc940e92170f18ca2270098','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352928327211,1795352928327211);
INSERT INTO "deliveries" VALUES(41,12,'bot',12,'H8','msg_3119c88e5ec9020ac92a367467694545','[{"name":"in force"}]','backfill','delivered',1,1795352928335108,0,0,'200','answered 200 OK','',1795352928327211,1795352928335108);
INSERT INTO "deliveries" VALUES(42,12,'fails',10,'H8','msg_56f06a28efb71234f41c6661b39f8e93','[{"name":"in force"}]','backfill','pending',2,1795352928869465,1795352930981942,0,'503','answered 503 Service Unavailable','',1795352928327211,1795352930745729);
INSERT INTO "deliveries" VALUES(43,12,'paused',12,'H8','msg_82a3318e95bfad639860e496d90e8418','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352928327211,1795352928327211);
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
INSERT INTO "destinations" VALUES('paused',12,'paused','paused by an operator',1795352928080453,'193ffe39306efb56',0,0);
INSERT INTO "destinations" VALUES('fails',10,'on','',0,'',0,0);
INSERT INTO "destinations" VALUES('late',3,'on','',0,'',0,0);
INSERT INTO "destinations" VALUES('refuses',3,'on','',0,'',0,0);
INSERT INTO "destinations" VALUES('bot',12,'on','',0,'',0,0);
INSERT INTO "destinations" VALUES('gone',3,'off','answered 410 Gone',1795352928283002,'307033707bd4e6f0',0,0);
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
INSERT INTO "events" VALUES(1,'alerts.in_force:98013','alerts.in_force',98013,'REF1','[]','15','bullish','1-2U',NULL,100.0,'2U',0,1795352928246989,1,'live',1795352928247896,'{"id":98013,"symbol":"REF1","timeframe":"15","direction":"bullish","shape":"1-2U","price":100.0,"cc":"2U","triggered_at":"2026-11-22T13:08:48.246989+00:00"}');
INSERT INTO "events" VALUES(2,'alerts.in_force:98038','alerts.in_force',98038,'REF2','[]','30','bearish','2U-2D',NULL,100.25,'2D',0,1795352928247209,1,'live',1795352928249728,'{"id":98038,"symbol":"REF2","timeframe":"30","direction":"bearish","shape":"2U-2D","price":100.25,"cc":"2D","triggered_at":"2026-11-22T13:08:48.247209+00:00"}');
INSERT INTO "events" VALUES(3,'alerts.in_force:98052','alerts.in_force',98052,'OLD1','[]','60','bullish','2D-3',NULL,100.5,'3',0,1795352928247242,1,'live',1795352928249753,'{"id":98052,"symbol":"OLD1","timeframe":"60","direction":"bullish","shape":"2D-3","price":100.5,"cc":"3","triggered_at":"2026-11-22T13:08:48.247242+00:00"}');
INSERT INTO "events" VALUES(4,'alerts.in_force:98054','alerts.in_force',98054,'AAPL','[]','4H','bearish','1-3',NULL,100.75,'3',0,1795352928247265,1,'live',1795352928249775,'{"id":98054,"symbol":"AAPL","timeframe":"4H","direction":"bearish","shape":"1-3","price":100.75,"cc":"3","triggered_at":"2026-11-22T13:08:48.247265+00:00"}');
INSERT INTO "events" VALUES(5,'alerts.in_force:98063','alerts.in_force',98063,'SPY','[]','12H','bullish','1-2U',NULL,101.0,'2U',0,1795352928247288,1,'live',1795352928249836,'{"id":98063,"symbol":"SPY","timeframe":"12H","direction":"bullish","shape":"1-2U","price":101.0,"cc":"2U","triggered_at":"2026-11-22T13:08:48.247288+00:00"}');
INSERT INTO "events" VALUES(6,'alerts.simultaneous_breaks:4017','alerts.simultaneous_breaks',4017,'breaks','["ES1!","NQ1!","RTY1!"]','D','bullish',NULL,3,NULL,NULL,NULL,1795352928247313,1,'live',1795352928249863,'{"id":4017,"timeframe":"D","direction":"bullish","threshold":3,"symbols":["ES1!","NQ1!","RTY1!"],"price":7.25,"triggered_at":"2026-11-22T13:08:48.247313+00:00"}');
INSERT INTO "events" VALUES(7,'alerts.simultaneous_breaks:4033','alerts.simultaneous_breaks',4033,'breaks','["ES1!","NQ1!","RTY1!","YM1!"]','W','bullish',NULL,4,NULL,NULL,NULL,1795352928247341,1,'live',1795352928249886,'{"id":4033,"timeframe":"W","direction":"bullish","threshold":4,"symbols":["ES1!","NQ1!","RTY1!","YM1!"],"price":8.5,"triggered_at":"2026-11-22T13:08:48.247341+00:00"}');
INSERT INTO "events" VALUES(8,'alerts.in_force:98133','alerts.in_force',98133,'H4','[]','D','bullish','1-3',NULL,301.0,'2U',0,1795352928000000,1000000,'backfill',1795352928327211,'{"id":98133,"symbol":"H4","timeframe":"D","direction":"bullish","shape":"1-3","price":301.0,"cc":"2U","triggered_at":"2026-11-22T13:08:48Z"}');
INSERT INTO "events" VALUES(9,'alerts.in_force:98140','alerts.in_force',98140,'H5','[]','D','bullish','1-2U',NULL,301.25,'2U',0,1795352928000000,1000000,'backfill',1795352928327211,'{"id":98140,"symbol":"H5","timeframe":"D","direction":"bullish","shape":"1-2U","price":301.25,"cc":"2U","triggered_at":"2026-11-22T13:08:48Z"}');
INSERT INTO "events" VALUES(10,'alerts.in_force:98157','alerts.in_force',98157,'H6','[]','D','bullish','2U-2D',NULL,301.5,'2U',0,1795352928000000,1000000,'backfill',1795352928327211,'{"id":98157,"symbol":"H6","timeframe":"D","direction":"bullish","shape":"2U-2D","price":301.5,"cc":"2U","triggered_at":"2026-11-22T13:08:48Z"}');
INSERT INTO "events" VALUES(11,'alerts.in_force:98162','alerts.in_force',98162,'H7','[]','D','bullish','2D-3',NULL,301.75,'2U',0,1795352928000000,1000000,'backfill',1795352928327211,'{"id":98162,"symbol":"H7","timeframe":"D","direction":"bullish","shape":"2D-3","price":301.75,"cc":"2U","triggered_at":"2026-11-22T13:08:48Z"}');
INSERT INTO "events" VALUES(12,'alerts.in_force:98172','alerts.in_force',98172,'H8','[]','D','bullish','1-3',NULL,302.0,'2U',0,1795352928000000,1000000,'backfill',1795352928327211,'{"id":98172,"symbol":"H8","timeframe":"D","direction":"bullish","shape":"1-3","price":302.0,"cc":"2U","triggered_at":"2026-11-22T13:08:48Z"}');
CREATE TABLE holes (
    channel  TEXT    NOT NULL,
    after_id INTEGER NOT NULL,
    up_to_id INTEGER NOT NULL,
    part     TEXT    NOT NULL,
    found_at INTEGER NOT NULL,
    UNIQUE (channel, after_id, up_to_id, part)
) STRICT;
INSERT INTO "holes" VALUES('alerts.in_force',0,98172,'timeframe=D direction=bullish cc=2U',1795352928327100);
CREATE TABLE relay (
    first_started_at INTEGER NOT NULL
) STRICT;
INSERT INTO "relay" VALUES(1795352927104754);
CREATE TABLE rounds (
    channel      TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    began_at     INTEGER NOT NULL,
    completed_at INTEGER NOT NULL
) STRICT;
INSERT INTO "rounds" VALUES('alerts.in_force',0,1795352927247326,1795352927253158);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',0,1795352927249081,1795352927255448);
INSERT INTO "rounds" VALUES('alerts.in_force',0,1795352927262901,1795352927264428);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',0,1795352927263350,1795352927268797);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352928281006,1795352928314573);
INSERT INTO "rounds" VALUES('alerts.in_force',98172,1795352928280591,1795352928327100);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352929321944,1795352929339844);
INSERT INTO "rounds" VALUES('alerts.in_force',98172,1795352929332630,1795352929357349);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352930346646,1795352930360039);
INSERT INTO "rounds" VALUES('alerts.in_force',98172,1795352930361221,1795352930379819);
CREATE UNIQUE INDEX events_by_id ON events (channel, upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX events_by_nature ON events (channel, subject, triggered_at);
CREATE INDEX events_unclaimed ON events (channel, subject, triggered_at) WHERE upstream_id IS NULL;
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_waiting ON deliveries (destination, sequence) WHERE state = 'pending' AND parked = 0;
CREATE INDEX deliveries_of_key ON deliveries (destination, ordering_key, sequence)
    WHERE state = 'pending' AND parked = 0;
CREATE INDEX deliveries_parked ON deliveries (destination, retry_at) WHERE state = 'pending' AND parked = 1;
CREATE INDEX deliveries_finished ON deliveries (updated_at) WHERE state <> 'pending';
CREATE INDEX deliveries_dead ON deliveries (id) WHERE state = 'dead';
CREATE INDEX rounds_by_channel ON rounds (channel, completed_at);
CREATE VIEW claims AS
SELECT d.destination, d.ordering_key, d.state, d.parked, d.sequence, d.retry_at, json_array(
    d.id, d.destination, d.sequence, d.ordering_key, d.webhook_id, json(d.rules), d.attempts, d.first_attempt_at,
    d.retry_at, d.parked, d.source, e.received_at, e.key, e.channel, e.upstream_id, e.subject, json(e.symbols),
    e.timeframe, e.direction, e.shape, e.threshold, e.price, e.cc, e.continuation, e.triggered_at, e.precision, e.data,
    d.updated_at
) AS claim
FROM deliveries d JOIN events e ON e.seq = d.event;
CREATE VIEW listings AS
SELECT d.id, d.destination, d.state, json_array(
    d.id, e.key, e.channel, e.subject, e.timeframe, e.direction, d.destination, d.state, d.attempts, d.last_code,
    d.last_error, d.last_answer, d.webhook_id, d.sequence, json(d.rules), d.source, d.received_at, d.updated_at,
    d.first_attempt_at, d.retry_at, d.parked, e.data
) AS listing
FROM deliveries d JOIN events e ON e.seq = d.event;
COMMIT;
