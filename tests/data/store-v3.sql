-- A store of schema 3, as the relay of commit b1a1ecb left it (an earlier make_store.py).
PRAGMA auto_vacuum = 2;
PRAGMA application_id = 1380273217;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE channels (
    name            TEXT    PRIMARY KEY,
    baseline_id     INTEGER,
    baseline_before INTEGER,
    largest_page    INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "channels" VALUES('alerts.in_force',0,1795352878000000,5);
INSERT INTO "channels" VALUES('alerts.simultaneous_breaks',0,1795352878000000,2);
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
, states TEXT, again INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "deliveries" VALUES(1,1,'bot',1,'REF1','msg_6405c4f0de07efffdaf30a4aede79268','[{"name":"in force"}]','live','delivered',1,1795352879732833,0,0,'200','answered 200 OK','',1795352879719411,1795352879732833,NULL,0);
INSERT INTO "deliveries" VALUES(2,1,'fails',1,'REF1','msg_183d5b5881d6833658f57f6373b0c414','[{"name":"in force"}]','live','pending',4,1795352879733049,1795352886615845,0,'503','answered 503 Service Unavailable','',1795352879719411,1795352886212265,NULL,0);
INSERT INTO "deliveries" VALUES(3,1,'paused',1,'REF1','msg_705cb8cfd935f1a240d6413273e1d692','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879719411,1795352879719411,NULL,0);
INSERT INTO "deliveries" VALUES(4,1,'refuses',6,'REF1','msg_3becac4b78334acd3f63202676c4d5d3','[{"name":"few"}]','live','dead',2,1795352885882551,0,0,'404','answered 404 Not Found','',1795352879719411,1795352885882551,NULL,0);
INSERT INTO "deliveries" VALUES(5,1,'gone',1,'REF1','msg_e8fb905551a1c600eb62a466a7202f42','[{"name":"few"}]','live','dead',1,1795352879735705,0,0,'410','answered 410 Gone','',1795352879719411,1795352879735705,NULL,0);
INSERT INTO "deliveries" VALUES(6,1,'late',1,'REF1','msg_8adcf069cc22db00e4862c12713dd4d6','[{"name":"few","expires_at_us":1795352879719482}]','live','expired',0,NULL,0,0,'','older than max_age','',1795352879719411,1795352879727989,NULL,0);
INSERT INTO "deliveries" VALUES(7,2,'bot',2,'REF2','msg_76247b3f1a1587a16f18c0485f08308f','[{"name":"in force"}]','live','delivered',1,1795352879732938,0,0,'200','answered 200 OK','',1795352879719460,1795352879732938,NULL,0);
INSERT INTO "deliveries" VALUES(8,2,'fails',2,'REF2','msg_9c673f9e06eb5abd861856d371140ad7','[{"name":"in force"}]','live','pending',4,1795352879733442,1795352886946274,0,'503','answered 503 Service Unavailable','',1795352879719460,1795352886617565,NULL,0);
INSERT INTO "deliveries" VALUES(9,2,'paused',2,'REF2','msg_8c70cd8fb0f9c3c1fafba2ef29ecd725','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879719460,1795352879719460,NULL,0);
INSERT INTO "deliveries" VALUES(10,2,'refuses',7,'REF2','msg_7eb594ef54f7d1278e0ec8ab3809afbf','[{"name":"few"}]','live','dead',2,1795352885882795,0,0,'404','answered 404 Not Found','',1795352879719460,1795352885882795,NULL,0);
INSERT INTO "deliveries" VALUES(11,2,'gone',2,'REF2','msg_469eacb7480da2792432037a825d2cd7','[{"name":"few"}]','live','dead',1,1795352879736086,0,0,'410','answered 410 Gone','',1795352879719460,1795352879736086,NULL,0);
INSERT INTO "deliveries" VALUES(12,2,'late',2,'REF2','msg_38105c4f422e9c1fc505c90a3a1c8bcb','[{"name":"few","expires_at_us":1795352879719633}]','live','expired',0,NULL,0,0,'','older than max_age','',1795352879719460,1795352879728002,NULL,0);
INSERT INTO "deliveries" VALUES(13,3,'bot',3,'OLD1','msg_979381bbe233e8dc96b8c3d635506c3a','[{"name":"in force"}]','live','delivered',1,1795352879732989,0,0,'200','answered 200 OK','',1795352879719482,1795352879732989,NULL,0);
INSERT INTO "deliveries" VALUES(14,3,'fails',3,'OLD1','msg_ee41e8f439aaf54416fc9d1a74b276e0','[{"name":"in force"}]','live','pending',4,1795352879733498,1795352887034870,0,'503','answered 503 Service Unavailable','',1795352879719482,1795352886947976,NULL,0);
INSERT INTO "deliveries" VALUES(15,3,'paused',3,'OLD1','msg_18bf105dbb6caa3fa8d5014b8e1f0812','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879719482,1795352879719482,NULL,0);
INSERT INTO "deliveries" VALUES(16,3,'refuses',8,'OLD1','msg_1704813b5cd7aacfd9e2d22a6f25de9d','[{"name":"few"}]','live','dead',2,1795352885882899,0,0,'404','answered 404 Not Found','',1795352879719482,1795352885882899,NULL,0);
INSERT INTO "deliveries" VALUES(17,3,'gone',3,'OLD1','msg_f0fda2acb2aa3de7418b8c0899acc5ce','[{"name":"few"}]','live','dead',1,1795352879736367,0,0,'410','answered 410 Gone','',1795352879719482,1795352879736367,NULL,0);
INSERT INTO "deliveries" VALUES(18,3,'late',3,'OLD1','msg_2828a3a26f29998e61cd584721a6e77c','[{"name":"few","expires_at_us":1795352879719666}]','live','expired',0,NULL,0,0,'','older than max_age','',1795352879719482,1795352879728006,NULL,0);
INSERT INTO "deliveries" VALUES(19,4,'bot',4,'AAPL','msg_1431d0295ac0db9d1857a8ce55ad9298','[{"name":"in force"}]','live','delivered',1,1795352879736845,0,0,'200','answered 200 OK','',1795352879719884,1795352879736845,NULL,0);
INSERT INTO "deliveries" VALUES(20,4,'fails',4,'AAPL','msg_4316091389f1f9fa4be268bcf9f68fd0','[{"name":"in force"}]','live','pending',4,1795352879740179,1795352887317773,0,'503','answered 503 Service Unavailable','',1795352879719884,1795352887074168,NULL,0);
INSERT INTO "deliveries" VALUES(21,4,'paused',4,'AAPL','msg_55b77a6aaa528cf7c3213d74893ba6b5','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879719884,1795352879719884,NULL,0);
INSERT INTO "deliveries" VALUES(22,5,'bot',5,'SPY','msg_fde6b2e5ec3749fd568d8a7e26d05dea','[{"name":"in force"}]','live','delivered',1,1795352879736889,0,0,'200','answered 200 OK','',1795352879719904,1795352879736889,NULL,0);
INSERT INTO "deliveries" VALUES(23,5,'fails',5,'SPY','msg_ecba1fd6534f7f70e98537521cdb3ee0','[{"name":"in force"}]','live','pending',3,1795352879836374,1795352885996614,0,'503','answered 503 Service Unavailable','',1795352879719904,1795352885794696,NULL,0);
INSERT INTO "deliveries" VALUES(24,5,'paused',5,'SPY','msg_ed0e31852e08cb8a3e060b0ab3b79e1e','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879719904,1795352879719904,NULL,0);
INSERT INTO "deliveries" VALUES(25,6,'bot',6,'breaks','msg_d7f50434f37102eb709993b10ffc2704','[{"name":"breaks"}]','live','delivered',1,1795352879736927,0,0,'200','answered 200 OK','',1795352879719936,1795352879736927,NULL,0);
INSERT INTO "deliveries" VALUES(26,6,'paused',6,'breaks','msg_464ef5bd1ced62172b08fc02537eeaf0','[{"name":"breaks"}]','live','pending',0,NULL,0,0,'','','',1795352879719936,1795352879719936,NULL,0);
INSERT INTO "deliveries" VALUES(27,7,'bot',7,'breaks','msg_21f1a6cd0436a27f634b5cb44b66c728','[{"name":"breaks"}]','live','delivered',1,1795352879738414,0,0,'200','answered 200 OK','',1795352879719960,1795352879738414,NULL,0);
INSERT INTO "deliveries" VALUES(28,7,'paused',7,'breaks','msg_79bb603e646a6afc555dff2b70c55e3f','[{"name":"breaks"}]','live','pending',0,NULL,0,0,'','','',1795352879719960,1795352879719960,NULL,0);
INSERT INTO "deliveries" VALUES(29,8,'bot',8,'COOL','msg_771fbd8426e77f504af658577b52cd7e','[{"name":"in force"}]','live','delivered',1,1795352879747142,0,0,'200','answered 200 OK','',1795352879739961,1795352879747142,NULL,0);
INSERT INTO "deliveries" VALUES(30,8,'fails',6,'COOL','msg_8b41361c0e248f06d0fe8fba8a86d7e6','[{"name":"in force"}]','live','pending',3,1795352879933106,1795352886209909,0,'503','answered 503 Service Unavailable','',1795352879739961,1795352885999703,NULL,0);
INSERT INTO "deliveries" VALUES(31,8,'paused',8,'COOL','msg_f068b316d7b2d7f14a0f6dfa60f9d390','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879739961,1795352879739961,NULL,0);
INSERT INTO "deliveries" VALUES(32,8,'refuses',9,'COOL','msg_936f8ea42ab4c318d9f9e9a21cb67e70','[{"name":"seldom"}]','live','dead',2,1795352885883062,0,0,'404','answered 404 Not Found','',1795352879739961,1795352885883062,NULL,0);
INSERT INTO "deliveries" VALUES(33,9,'bot',9,'COOL','msg_da09a03dae31ece6a68d4962303f1577','[{"name":"in force"}]','live','delivered',1,1795352879747923,0,0,'200','answered 200 OK','',1795352879739993,1795352879747923,NULL,0);
INSERT INTO "deliveries" VALUES(34,9,'fails',7,'COOL','msg_8c2132e1fdafa363520c16899a740be6','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879739993,1795352879739993,NULL,0);
INSERT INTO "deliveries" VALUES(35,9,'paused',9,'COOL','msg_65245cde558fb710d188296de96d8f9f','[{"name":"in force"}]','live','pending',0,NULL,0,0,'','','',1795352879739993,1795352879739993,NULL,0);
INSERT INTO "deliveries" VALUES(36,9,'refuses',5,'COOL','msg_c4dbe46d8ce5ff63afab4391d94ef57d','[{"name":"seldom","suppressed":"cooldown"}]','live','suppressed',0,NULL,0,0,'cooldown','seldom: within 1h of the one at 2026-11-22T13:07:59.738Z','',1795352879739993,1795352879745482,NULL,0);
INSERT INTO "deliveries" VALUES(37,10,'bot',10,'AAPL','msg_5aba82d06d75fafb00e1567c621d7023','[{"name":"through 200"}]','live','delivered',1,1795352879747194,0,0,'200','answered 200 OK','',1795352879740102,1795352879747194,NULL,0);
INSERT INTO "deliveries" VALUES(38,11,'bot',11,'TSLA','msg_7bcb0ecca831fa83ee21e754e356f842','[{"name":"in force","suppressed":"snooze"}]','live','suppressed',0,NULL,0,0,'snooze','in force: TSLA is snoozed until 2027-01-21T13:08:00.429Z','',1795352880605510,1795352880605510,NULL,0);
INSERT INTO "deliveries" VALUES(39,11,'fails',8,'TSLA','msg_82d3a9455ca3c944f1ea582ea3890889','[{"name":"in force","suppressed":"snooze"}]','live','suppressed',0,NULL,0,0,'snooze','in force: TSLA is snoozed until 2027-01-21T13:08:00.429Z','',1795352880605510,1795352880605510,NULL,0);
INSERT INTO "deliveries" VALUES(40,11,'paused',10,'TSLA','msg_7d7cfa91937c35646212faa0a70b49d8','[{"name":"in force","suppressed":"snooze"}]','live','suppressed',0,NULL,0,0,'snooze','in force: TSLA is snoozed until 2027-01-21T13:08:00.429Z','',1795352880605510,1795352880605510,NULL,0);
INSERT INTO "deliveries" VALUES(41,12,'bot',12,'H4','msg_d169b0a22c2be2acac47fd77fd58e33d','[{"name":"in force"}]','backfill','delivered',1,1795352880939182,0,0,'200','answered 200 OK','',1795352880934707,1795352880939182,NULL,0);
INSERT INTO "deliveries" VALUES(42,12,'fails',9,'H4','msg_ed5d055d29fc87f6b6014a482e179060','[{"name":"in force"}]','backfill','pending',2,1795352881163620,1795352884480616,0,'503','answered 503 Service Unavailable','',1795352880934707,1795352884008921,NULL,0);
INSERT INTO "deliveries" VALUES(43,12,'paused',11,'H4','msg_4615284c7bc940e92170f18ca2270098','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352880934707,1795352880934707,NULL,0);
INSERT INTO "deliveries" VALUES(44,13,'bot',13,'H5','msg_3119c88e5ec9020ac92a367467694545','[{"name":"in force"}]','backfill','delivered',1,1795352880939252,0,0,'200','answered 200 OK','',1795352880934707,1795352880939252,NULL,0);
INSERT INTO "deliveries" VALUES(45,13,'fails',10,'H5','msg_56f06a28efb71234f41c6661b39f8e93','[{"name":"in force"}]','backfill','pending',2,1795352881312895,1795352884839651,0,'503','answered 503 Service Unavailable','',1795352880934707,1795352884488673,NULL,0);
INSERT INTO "deliveries" VALUES(46,13,'paused',12,'H5','msg_82a3318e95bfad639860e496d90e8418','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352880934707,1795352880934707,NULL,0);
INSERT INTO "deliveries" VALUES(47,14,'bot',14,'H6','msg_a42c369c9ad60bc622e56ede1bf5e1c6','[{"name":"in force"}]','backfill','delivered',1,1795352880940354,0,0,'200','answered 200 OK','',1795352880934707,1795352880940354,NULL,0);
INSERT INTO "deliveries" VALUES(48,14,'fails',11,'H6','msg_8ba9941d996d631457b5e00909736242','[{"name":"in force"}]','backfill','pending',2,1795352881541659,1795352885308410,0,'503','answered 503 Service Unavailable','',1795352880934707,1795352884844964,NULL,0);
INSERT INTO "deliveries" VALUES(49,14,'paused',13,'H6','msg_94b43bf3784c848e4b37db440ac222dc','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352880934707,1795352880934707,NULL,0);
INSERT INTO "deliveries" VALUES(50,15,'bot',15,'H7','msg_c558556c8616504ce86fa98b403acc99','[{"name":"in force"}]','backfill','delivered',1,1795352880940447,0,0,'200','answered 200 OK','',1795352880934707,1795352880940447,NULL,0);
INSERT INTO "deliveries" VALUES(51,15,'fails',12,'H7','msg_51e87457cbf475722b71548691c30cf8','[{"name":"in force"}]','backfill','pending',2,1795352881779542,1795352885620733,0,'503','answered 503 Service Unavailable','',1795352880934707,1795352885310707,NULL,0);
INSERT INTO "deliveries" VALUES(52,15,'paused',14,'H7','msg_9ed149cd3129c8e1ae268eacc01d68b1','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352880934707,1795352880934707,NULL,0);
INSERT INTO "deliveries" VALUES(53,16,'bot',16,'H8','msg_7dba3f3a643c32010983f062f78b5b46','[{"name":"in force"}]','backfill','delivered',1,1795352880940515,0,0,'200','answered 200 OK','',1795352880934707,1795352880940515,NULL,0);
INSERT INTO "deliveries" VALUES(54,16,'fails',13,'H8','msg_fa1fe6bb1acc65aa5de7d4fa6afc4a1b','[{"name":"in force"}]','backfill','pending',2,1795352881924364,1795352885792160,0,'503','answered 503 Service Unavailable','',1795352880934707,1795352885623427,NULL,0);
INSERT INTO "deliveries" VALUES(55,16,'paused',15,'H8','msg_4119e574885d192b6f82eb06fba3a9ba','[{"name":"in force"}]','backfill','pending',0,NULL,0,0,'','','',1795352880934707,1795352880934707,NULL,0);
INSERT INTO "deliveries" VALUES(56,6,'bot',17,'breaks','msg_d7f50434f37102eb709993b10ffc2704','[{"name":"breaks"}]','replay','delivered',1,1795352885065245,0,0,'200','answered 200 OK','',1795352885056250,1795352885065245,NULL,1);
INSERT INTO "deliveries" VALUES(57,7,'bot',18,'breaks','msg_21f1a6cd0436a27f634b5cb44b66c728','[{"name":"breaks"}]','replay','delivered',1,1795352885066273,0,0,'200','answered 200 OK','',1795352885056250,1795352885066273,NULL,1);
CREATE TABLE destinations (
    name        TEXT    PRIMARY KEY,
    sequence    INTEGER NOT NULL DEFAULT 0,
    switch      TEXT    NOT NULL DEFAULT 'on',
    reason      TEXT    NOT NULL DEFAULT '',
    since       INTEGER NOT NULL DEFAULT 0,
    fingerprint TEXT    NOT NULL DEFAULT '',
    held_since  INTEGER NOT NULL DEFAULT 0,
    held_until  INTEGER NOT NULL DEFAULT 0
, away INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "destinations" VALUES('paused',15,'paused','paused by an operator',1795352879590586,'385b75ba1e95a7ca',0,0,0);
INSERT INTO "destinations" VALUES('bot',18,'on','',0,'',0,0,0);
INSERT INTO "destinations" VALUES('fails',13,'on','',0,'',0,0,0);
INSERT INTO "destinations" VALUES('gone',3,'off','answered 410 Gone',1795352879736446,'4bf36d2d79d4a96d',0,0,0);
INSERT INTO "destinations" VALUES('late',3,'on','',0,'',0,0,0);
INSERT INTO "destinations" VALUES('refuses',9,'on','',0,'',0,0,0);
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
INSERT INTO "events" VALUES(1,'alerts.in_force:98013','alerts.in_force',98013,'REF1','[]','15','bullish','1-2U',NULL,100.0,'2U',0,1795352879718482,1,'live',1795352879719411,'{"id":98013,"symbol":"REF1","timeframe":"15","direction":"bullish","shape":"1-2U","price":100.0,"cc":"2U","triggered_at":"2026-11-22T13:07:59.718482+00:00"}');
INSERT INTO "events" VALUES(2,'alerts.in_force:98038','alerts.in_force',98038,'REF2','[]','30','bearish','2U-2D',NULL,100.25,'2D',0,1795352879718633,1,'live',1795352879719460,'{"id":98038,"symbol":"REF2","timeframe":"30","direction":"bearish","shape":"2U-2D","price":100.25,"cc":"2D","triggered_at":"2026-11-22T13:07:59.718633+00:00"}');
INSERT INTO "events" VALUES(3,'alerts.in_force:98052','alerts.in_force',98052,'OLD1','[]','60','bullish','2D-3',NULL,100.5,'3',0,1795352879718666,1,'live',1795352879719482,'{"id":98052,"symbol":"OLD1","timeframe":"60","direction":"bullish","shape":"2D-3","price":100.5,"cc":"3","triggered_at":"2026-11-22T13:07:59.718666+00:00"}');
INSERT INTO "events" VALUES(4,'alerts.in_force:98054','alerts.in_force',98054,'AAPL','[]','4H','bearish','1-3',NULL,100.75,'3',0,1795352879718690,1,'live',1795352879719884,'{"id":98054,"symbol":"AAPL","timeframe":"4H","direction":"bearish","shape":"1-3","price":100.75,"cc":"3","triggered_at":"2026-11-22T13:07:59.718690+00:00"}');
INSERT INTO "events" VALUES(5,'alerts.in_force:98063','alerts.in_force',98063,'SPY','[]','12H','bullish','1-2U',NULL,101.0,'2U',0,1795352879718713,1,'live',1795352879719904,'{"id":98063,"symbol":"SPY","timeframe":"12H","direction":"bullish","shape":"1-2U","price":101.0,"cc":"2U","triggered_at":"2026-11-22T13:07:59.718713+00:00"}');
INSERT INTO "events" VALUES(6,'alerts.simultaneous_breaks:4017','alerts.simultaneous_breaks',4017,'breaks','["ES1!","NQ1!","RTY1!"]','D','bullish',NULL,3,NULL,NULL,NULL,1795352879718737,1,'live',1795352879719936,'{"id":4017,"timeframe":"D","direction":"bullish","threshold":3,"symbols":["ES1!","NQ1!","RTY1!"],"price":7.25,"triggered_at":"2026-11-22T13:07:59.718737+00:00"}');
INSERT INTO "events" VALUES(7,'alerts.simultaneous_breaks:4033','alerts.simultaneous_breaks',4033,'breaks','["ES1!","NQ1!","RTY1!","YM1!"]','W','bullish',NULL,4,NULL,NULL,NULL,1795352879718765,1,'live',1795352879719960,'{"id":4033,"timeframe":"W","direction":"bullish","threshold":4,"symbols":["ES1!","NQ1!","RTY1!","YM1!"],"price":8.5,"triggered_at":"2026-11-22T13:07:59.718765+00:00"}');
INSERT INTO "events" VALUES(8,'alerts.in_force:98076','alerts.in_force',98076,'COOL','[]','D','bullish','1-2U',NULL,101.75,'3',0,1795352879738161,1,'live',1795352879739961,'{"id":98076,"symbol":"COOL","timeframe":"D","direction":"bullish","shape":"1-2U","price":101.75,"cc":"3","triggered_at":"2026-11-22T13:07:59.738161+00:00"}');
INSERT INTO "events" VALUES(9,'alerts.in_force:98086','alerts.in_force',98086,'COOL','[]','D','bullish','1-2U',NULL,102.0,'2U',0,1795352879738260,1,'live',1795352879739993,'{"id":98086,"symbol":"COOL","timeframe":"D","direction":"bullish","shape":"1-2U","price":102.0,"cc":"2U","triggered_at":"2026-11-22T13:07:59.738260+00:00"}');
INSERT INTO "events" VALUES(10,'quotes:AAPL|?|?|?|2026-11-22T13:07:59.738316Z@2026-11-22T13:07:59.740102Z','quotes',NULL,'AAPL','[]',NULL,NULL,NULL,NULL,201.5,NULL,NULL,1795352879738316,1,'live',1795352879740102,'{"symbol":"AAPL","price":201.5,"volume":0,"event_ts":"2026-11-22T13:07:59.738316+00:00"}');
INSERT INTO "events" VALUES(11,'alerts.in_force:98102','alerts.in_force',98102,'TSLA','[]','Y','bearish','2U-2D',NULL,102.25,'2D',0,1795352880603534,1,'live',1795352880605510,'{"id":98102,"symbol":"TSLA","timeframe":"Y","direction":"bearish","shape":"2U-2D","price":102.25,"cc":"2D","triggered_at":"2026-11-22T13:08:00.603534+00:00"}');
INSERT INTO "events" VALUES(12,'alerts.in_force:98162','alerts.in_force',98162,'H4','[]','D','bullish','2D-3',NULL,301.0,'2U',0,1795352880000000,1000000,'backfill',1795352880934707,'{"id":98162,"symbol":"H4","timeframe":"D","direction":"bullish","shape":"2D-3","price":301.0,"cc":"2U","triggered_at":"2026-11-22T13:08:00Z"}');
INSERT INTO "events" VALUES(13,'alerts.in_force:98172','alerts.in_force',98172,'H5','[]','D','bullish','1-3',NULL,301.25,'2U',0,1795352880000000,1000000,'backfill',1795352880934707,'{"id":98172,"symbol":"H5","timeframe":"D","direction":"bullish","shape":"1-3","price":301.25,"cc":"2U","triggered_at":"2026-11-22T13:08:00Z"}');
INSERT INTO "events" VALUES(14,'alerts.in_force:98177','alerts.in_force',98177,'H6','[]','D','bullish','1-2U',NULL,301.5,'2U',0,1795352880000000,1000000,'backfill',1795352880934707,'{"id":98177,"symbol":"H6","timeframe":"D","direction":"bullish","shape":"1-2U","price":301.5,"cc":"2U","triggered_at":"2026-11-22T13:08:00Z"}');
INSERT INTO "events" VALUES(15,'alerts.in_force:98202','alerts.in_force',98202,'H7','[]','D','bullish','2U-2D',NULL,301.75,'2U',0,1795352880000000,1000000,'backfill',1795352880934707,'{"id":98202,"symbol":"H7","timeframe":"D","direction":"bullish","shape":"2U-2D","price":301.75,"cc":"2U","triggered_at":"2026-11-22T13:08:00Z"}');
INSERT INTO "events" VALUES(16,'alerts.in_force:98206','alerts.in_force',98206,'H8','[]','D','bullish','2D-3',NULL,302.0,'2U',0,1795352880000000,1000000,'backfill',1795352880934707,'{"id":98206,"symbol":"H8","timeframe":"D","direction":"bullish","shape":"2D-3","price":302.0,"cc":"2U","triggered_at":"2026-11-22T13:08:00Z"}');
CREATE TABLE holes (
    channel  TEXT    NOT NULL,
    after_id INTEGER NOT NULL,
    up_to_id INTEGER NOT NULL,
    part     TEXT    NOT NULL,
    found_at INTEGER NOT NULL,
    UNIQUE (channel, after_id, up_to_id, part)
) STRICT;
INSERT INTO "holes" VALUES('alerts.in_force',0,98206,'timeframe=D direction=bullish cc=2U',1795352880934637);
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
INSERT INTO "marks" VALUES('seldom','COOL','D','bullish',1795352879738161,0,1795352879739961,1,'1-2U',98076);
CREATE TABLE relay (
    first_started_at INTEGER NOT NULL
, least_event INTEGER NOT NULL DEFAULT 0, least_delivery INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "relay" VALUES(1795352878748772,0,0);
CREATE TABLE rounds (
    channel      TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    began_at     INTEGER NOT NULL,
    completed_at INTEGER NOT NULL
) STRICT;
INSERT INTO "rounds" VALUES('alerts.in_force',0,1795352878863972,1795352878866865);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',0,1795352878864029,1795352878867079);
INSERT INTO "rounds" VALUES('alerts.in_force',0,1795352878873079,1795352878874282);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',0,1795352878873584,1795352878874530);
INSERT INTO "rounds" VALUES('alerts.in_force',98086,1795352879876880,1795352879899797);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352879877836,1795352879900749);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352880905035,1795352880927852);
INSERT INTO "rounds" VALUES('alerts.in_force',98206,1795352880903872,1795352880934637);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352881933525,1795352881948426);
INSERT INTO "rounds" VALUES('alerts.in_force',98206,1795352881938926,1795352881959658);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352882952603,1795352882968945);
INSERT INTO "rounds" VALUES('alerts.in_force',98206,1795352882963304,1795352882989048);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352883976074,1795352883999214);
INSERT INTO "rounds" VALUES('alerts.in_force',98206,1795352883994449,1795352884028080);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352885008780,1795352885042959);
INSERT INTO "rounds" VALUES('alerts.in_force',98206,1795352885036568,1795352885071566);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352886046526,1795352886059736);
INSERT INTO "rounds" VALUES('alerts.in_force',98206,1795352886077364,1795352886094084);
INSERT INTO "rounds" VALUES('alerts.simultaneous_breaks',4033,1795352887071029,1795352887086605);
CREATE TABLE sides (
    rule      TEXT    NOT NULL,
    symbol    TEXT    NOT NULL,
    condition TEXT    NOT NULL,
    side      INTEGER NOT NULL,
    PRIMARY KEY (rule, symbol)
) STRICT, WITHOUT ROWID;
INSERT INTO "sides" VALUES('through 200','AAPL','{"crosses_above":200.0}',1);
CREATE TABLE snoozes (
    kind  TEXT    NOT NULL,
    name  TEXT    NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "snoozes" VALUES('symbol','TSLA',1795352880429415,1800536880429415);
CREATE TABLE tallies (
    destination TEXT    NOT NULL,
    again       INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    kept        INTEGER NOT NULL DEFAULT 0,
    pruned      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, again, state, reason)
) STRICT, WITHOUT ROWID;
INSERT INTO "tallies" VALUES('bot',0,'delivered','',15,0);
INSERT INTO "tallies" VALUES('bot',0,'pending','',0,0);
INSERT INTO "tallies" VALUES('bot',0,'suppressed','snooze',1,0);
INSERT INTO "tallies" VALUES('bot',1,'delivered','',2,0);
INSERT INTO "tallies" VALUES('bot',1,'pending','',0,0);
INSERT INTO "tallies" VALUES('fails',0,'pending','',12,0);
INSERT INTO "tallies" VALUES('fails',0,'suppressed','snooze',1,0);
INSERT INTO "tallies" VALUES('gone',0,'dead','',3,0);
INSERT INTO "tallies" VALUES('gone',0,'pending','',0,0);
INSERT INTO "tallies" VALUES('late',0,'expired','',3,0);
INSERT INTO "tallies" VALUES('late',0,'pending','',0,0);
INSERT INTO "tallies" VALUES('paused',0,'pending','',14,0);
INSERT INTO "tallies" VALUES('paused',0,'suppressed','snooze',1,0);
INSERT INTO "tallies" VALUES('refuses',0,'dead','',4,0);
INSERT INTO "tallies" VALUES('refuses',0,'deciding','',0,0);
INSERT INTO "tallies" VALUES('refuses',0,'pending','',0,0);
INSERT INTO "tallies" VALUES('refuses',0,'suppressed','cooldown',1,0);
CREATE UNIQUE INDEX events_by_id ON events (channel, upstream_id) WHERE upstream_id IS NOT NULL;
CREATE INDEX events_by_nature ON events (channel, subject, triggered_at);
CREATE INDEX events_unclaimed ON events (channel, subject, triggered_at) WHERE upstream_id IS NULL;
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE INDEX deliveries_waiting ON deliveries (destination, sequence) WHERE state = 'pending' AND parked = 0;
CREATE INDEX deliveries_of_key ON deliveries (destination, ordering_key, sequence)
    WHERE state = 'pending' AND parked = 0;
CREATE INDEX deliveries_parked ON deliveries (destination, retry_at) WHERE state = 'pending' AND parked = 1;
CREATE INDEX deliveries_finished ON deliveries (updated_at) WHERE state <> 'pending';
CREATE INDEX rounds_by_channel ON rounds (channel, completed_at);
CREATE INDEX marks_noted ON marks (noted_at);
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
CREATE TRIGGER tally_gone AFTER DELETE ON deliveries BEGIN
    UPDATE tallies SET kept = kept - 1, pruned = pruned + (OLD.state <> 'deciding')
    WHERE destination = OLD.destination AND again = OLD.again AND state = OLD.state
      AND reason = iif(OLD.state = 'suppressed', OLD.last_code, '');
END;
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_by_queue ON deliveries (destination, state, id);
CREATE INDEX deliveries_replayed ON deliveries (id) WHERE again = 1;
CREATE INDEX events_received ON events (received_at);
CREATE VIEW listings AS
SELECT d.id, json_array(
    d.id, e.key, e.channel, e.subject, e.timeframe, e.direction, d.destination, d.state, d.attempts, d.last_code,
    d.last_error, d.last_answer, d.webhook_id, d.sequence, json(d.rules), d.source, e.received_at, d.updated_at,
    d.first_attempt_at + iif(d.state = 'pending', (SELECT away FROM destinations WHERE name = d.destination), 0),
    d.retry_at, d.parked, e.data
) AS listing
FROM deliveries d JOIN events e ON e.seq = d.event;
CREATE VIEW claims AS
SELECT d.id, d.destination, d.ordering_key, d.state, d.parked, d.sequence, d.retry_at, json_array(
    d.id, d.destination, d.sequence, d.ordering_key, d.webhook_id, json(d.rules), d.attempts,
    d.first_attempt_at + (SELECT away FROM destinations WHERE name = d.destination), d.retry_at, d.parked, d.source,
    e.received_at, e.key, e.channel, e.upstream_id, e.subject, json(e.symbols), e.timeframe, e.direction, e.shape,
    e.threshold, e.price, e.cc, e.continuation, e.triggered_at, e.precision, e.data, d.updated_at, d.states
) AS claim
FROM deliveries d JOIN events e ON e.seq = d.event;
COMMIT;
