-- The first schema. Plain tables carry what must be exactly once; hypertables carry what is much.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- who this database's feed is: a console that comes back with another one starts from a snapshot
CREATE TABLE feed_identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    feed text NOT NULL DEFAULT gen_random_uuid()::text
);
INSERT INTO feed_identity DEFAULT VALUES;

CREATE TABLE sites (
    site text PRIMARY KEY CHECK (site ~ '^[a-z0-9][a-z0-9-]{0,47}$'),
    name text NOT NULL,
    timezone text NOT NULL DEFAULT 'Asia/Shanghai',
    lat double precision,
    lon double precision,
    invented boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- one row per site holds the number of its newest change; taken FOR UPDATE last, so numbers have no gap and follow commit order
CREATE TABLE feed_counters (
    site text PRIMARY KEY REFERENCES sites ON DELETE CASCADE,
    seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);

CREATE TABLE grids (
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    grid text NOT NULL,
    parent text,
    name text NOT NULL,
    officer text,
    geometry jsonb NOT NULL,              -- GeoJSON Polygon or MultiPolygon, WGS-84
    PRIMARY KEY (site, grid),
    FOREIGN KEY (site, parent) REFERENCES grids (site, grid) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE devices (
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    device text NOT NULL CHECK (device ~ '^[a-z0-9][a-z0-9-]{0,47}$'),
    kind text NOT NULL CHECK (kind IN ('camera', 'button', 'gateway')),
    name text NOT NULL,
    grid text,
    address text,
    lat double precision,
    lon double precision,
    bearing double precision,             -- degrees clockwise from north
    fov double precision,                 -- degrees
    range double precision,               -- metres
    expect double precision,              -- seconds between two signs of life; null: the protocol's 30 s
    registered boolean NOT NULL DEFAULT true,
    simulated boolean NOT NULL DEFAULT false,
    via text,                             -- the gateway it speaks through
    native text,                          -- its name there
    format text,                          -- of a gateway: frigate, zigbee2mqtt
    prefix text,                          -- of a gateway: the topics below it
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, device),
    FOREIGN KEY (site, via) REFERENCES devices (site, device) ON DELETE CASCADE
);
CREATE UNIQUE INDEX devices_native ON devices (site, via, native) WHERE via IS NOT NULL;
CREATE UNIQUE INDEX devices_prefix ON devices (prefix) WHERE prefix IS NOT NULL;

-- goes up with each change of sites, grids or devices: how a running part sees that its copy is old
CREATE TABLE registry_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version bigint NOT NULL DEFAULT 1
);
INSERT INTO registry_version DEFAULT VALUES;

-- what the broker checks a device's password against (Mosquitto: PBKDF2-SHA512), so that its file can be made anew
CREATE TABLE credentials (
    username text PRIMARY KEY,
    site text NOT NULL,
    device text NOT NULL,
    salt text NOT NULL,
    iterations integer NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (site, device) REFERENCES devices ON DELETE CASCADE
);

CREATE TABLE device_states (
    site text NOT NULL,
    device text NOT NULL,
    state text NOT NULL DEFAULT 'unknown' CHECK (state IN ('online', 'offline', 'fault', 'unknown')),
    state_since timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz,
    last_proven timestamptz,
    battery double precision,
    firmware text,
    silent_since timestamptz,             -- when its silence was found
    silence_told boolean NOT NULL DEFAULT false,  -- whether an incident tells of it
    PRIMARY KEY (site, device),
    FOREIGN KEY (site, device) REFERENCES devices ON DELETE CASCADE
) WITH (fillfactor = 50);

CREATE TABLE incidents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL REFERENCES sites,
    join_key text,                        -- repeats with this key join while it is unresolved; null: nothing joins any more
    grid text,
    kind text NOT NULL,
    priority text NOT NULL CHECK (priority IN ('critical', 'high', 'medium', 'low')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'acknowledged', 'dispatched', 'resolved', 'closed')),
    title text NOT NULL,
    device text,
    lat double precision,
    lon double precision,
    address text,
    opened_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    last_event_at timestamptz NOT NULL,
    last_track text,
    cancelled_at timestamptz,
    arrived_at timestamptz,
    resolved_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    count integer NOT NULL DEFAULT 1,
    owner text,
    tier text NOT NULL DEFAULT 'grid' CHECK (tier IN ('grid', 'community', 'district')),
    deadline timestamptz,
    outcome text CHECK (outcome IN ('real', 'false', 'test', 'drill')),
    cameras jsonb NOT NULL DEFAULT '[]'
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX incidents_join ON incidents (site, join_key)
    WHERE join_key IS NOT NULL AND state IN ('open', 'acknowledged', 'dispatched');
CREATE INDEX incidents_by_site ON incidents (site, id DESC);
CREATE INDEX incidents_live ON incidents (site) WHERE state <> 'closed';

-- the timeline of every incident and the feed of every site in one: append-only, numbered without a gap
CREATE TABLE changes (
    site text NOT NULL,
    seq bigint NOT NULL,
    incident bigint NOT NULL REFERENCES incidents,
    at timestamptz NOT NULL,
    actor text NOT NULL,                  -- a person's log-in name, device:NAME, or system
    verb text NOT NULL,
    note text,
    base_version integer,                 -- the version a person saw when taking this step
    body json NOT NULL,                   -- the incident as of this change, as it goes over the wire
    PRIMARY KEY (site, seq)
);
CREATE INDEX changes_by_incident ON changes (incident, seq);

-- presses, cancels and tests: exactly once by (site, device, id, action), for ever
CREATE TABLE alarms (
    site text NOT NULL,
    device text NOT NULL,
    id text NOT NULL,
    action text NOT NULL CHECK (action IN ('press', 'cancel', 'test')),
    ts timestamptz,                       -- the device's own clock, if it could be read
    received_at timestamptz NOT NULL,
    faults text[] NOT NULL DEFAULT '{}',  -- what was wrong with it and did not matter
    attrs jsonb,
    incident bigint REFERENCES incidents,
    cancelled_at timestamptz,
    PRIMARY KEY (site, device, id, action)
);
CREATE INDEX alarms_by_incident ON alarms (incident) WHERE incident IS NOT NULL;
CREATE INDEX alarms_by_time ON alarms (site, received_at DESC);

-- once by id while recent; swept
CREATE TABLE event_keys (
    site text NOT NULL,
    device text NOT NULL,
    id text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (site, device, id)
);
CREATE INDEX event_keys_by_time ON event_keys USING brin (received_at);

CREATE TABLE events (
    received_at timestamptz NOT NULL,
    site text NOT NULL,
    device text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    phase text NOT NULL,
    track text,
    confidence real,
    ts timestamptz,
    incident bigint,
    attrs jsonb
);
SELECT create_hypertable('events', by_range('received_at', INTERVAL '1 day'));
CREATE INDEX events_by_device ON events (site, device, received_at DESC);
CREATE INDEX events_by_incident ON events (incident, received_at) WHERE incident IS NOT NULL;

CREATE TABLE telemetry (
    received_at timestamptz NOT NULL,
    site text NOT NULL,
    device text NOT NULL,
    ts timestamptz,
    values jsonb NOT NULL
);
SELECT create_hypertable('telemetry', by_range('received_at', INTERVAL '1 day'));

CREATE TABLE rejects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    site text,
    device text,
    topic text NOT NULL,
    reason text NOT NULL,
    payload bytea NOT NULL,               -- the first 4 KiB
    size integer NOT NULL
);
CREATE INDEX rejects_by_site ON rejects (site, id DESC);

CREATE TABLE timers (
    incident bigint NOT NULL REFERENCES incidents ON DELETE CASCADE,
    step text NOT NULL,
    due_at timestamptz NOT NULL,
    PRIMARY KEY (incident, step)
);
CREATE INDEX timers_due ON timers (due_at);

-- how far the receipts of each site have been told to its buttons
CREATE TABLE receipt_cursors (
    site text PRIMARY KEY REFERENCES sites ON DELETE CASCADE,
    seq bigint NOT NULL
);

-- which parts are at work: (part, instance), a beat every two seconds
CREATE TABLE parts (
    part text NOT NULL,
    instance text NOT NULL,
    started_at timestamptz NOT NULL,
    ready_since timestamptz,              -- since when it can do its work without a break; null: it can't now
    beat_at timestamptz NOT NULL,
    registry_version bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (part, instance)
);

CREATE TABLE users (
    name text PRIMARY KEY CHECK (name ~ '^[^\s/]{1,64}$'),
    role text NOT NULL CHECK (role IN ('officer', 'lead', 'admin')),
    password_hash text,                   -- argon2id; null: no log-in by password
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE user_sites (
    name text NOT NULL REFERENCES users ON DELETE CASCADE,
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    PRIMARY KEY (name, site)
);
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    name text NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE login_links (
    token_hash bytea PRIMARY KEY,
    name text NOT NULL REFERENCES users ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE TABLE login_failures (
    at timestamptz NOT NULL,
    name text NOT NULL,
    address text NOT NULL
);
CREATE INDEX login_failures_by_time ON login_failures (at);

-- what our parts may do. People's and devices' words stand: no one rewrites the timeline or an alarm's facts
DO $$
BEGIN
    CREATE ROLE skynet_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT USAGE ON SCHEMA public TO skynet_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO skynet_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO skynet_app;
REVOKE UPDATE, DELETE, TRUNCATE ON changes FROM skynet_app;
REVOKE UPDATE, DELETE, TRUNCATE ON alarms FROM skynet_app;
GRANT UPDATE (incident, cancelled_at) ON alarms TO skynet_app;
REVOKE DELETE, TRUNCATE ON incidents, events, telemetry FROM skynet_app;
REVOKE UPDATE ON feed_identity FROM skynet_app;
DO $$ BEGIN EXECUTE format('GRANT skynet_app TO %I', current_user); END $$;
