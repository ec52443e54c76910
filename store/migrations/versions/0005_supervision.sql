-- The pipeline's own proof; batteries and clocks.

-- a site that is nobody's: the system's own, never shown to people
ALTER TABLE sites ADD COLUMN internal boolean NOT NULL DEFAULT false;

INSERT INTO sites (site, name, timezone, internal) VALUES ('skynet-self', 'micro sky-net', 'UTC', true);
INSERT INTO feed_counters (site) VALUES ('skynet-self');
INSERT INTO devices (site, device, kind, name) VALUES ('skynet-self', 'probe', 'button', 'probe');
UPDATE registry_version SET version = version + 1;

-- how the last synthetic alarm went on its way; when it was due is in `jobs`, when it arrived in `alarms`
CREATE TABLE pipeline (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sent_at timestamptz,                  -- the last one that the broker took
    fault text                            -- why it took none since; null: it did
);
INSERT INTO pipeline DEFAULT VALUES;
GRANT SELECT, INSERT, UPDATE, DELETE ON pipeline TO skynet_app;

-- receipts for devices that did not hear just then: told in order once they are back
CREATE TABLE receipts_waiting (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL,
    device text NOT NULL,
    alarm text NOT NULL,                  -- the alarm's own id
    stage text NOT NULL,
    incident bigint,
    outcome text,
    since timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX receipts_waiting_by_device ON receipts_waiting (site, device, id);
GRANT SELECT, INSERT, UPDATE, DELETE ON receipts_waiting TO skynet_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO skynet_app;

ALTER TABLE device_states
    ADD COLUMN clock_skew double precision,                     -- seconds its clock is ahead of ours, as it last said
    ADD COLUMN battery_told boolean NOT NULL DEFAULT false,     -- whether an incident tells of its battery,
    ADD COLUMN clock_told boolean NOT NULL DEFAULT false;       -- and of its clock
