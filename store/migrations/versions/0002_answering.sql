-- Owning, escalation, grouping and fatigue: what an incident that people answer needs to know of itself.

-- what later migrations of ours make is for our parts, too
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO skynet_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO skynet_app;

ALTER TABLE incidents
    DROP COLUMN last_track,
    ADD COLUMN tracks text[] NOT NULL DEFAULT '{}',      -- device/track of what it saw lately: their updates only continue it
    ADD COLUMN devices text[] NOT NULL DEFAULT '{}',     -- every device that contributed, in order of arrival
    ADD COLUMN answered_at timestamptz,                  -- when a person first had it
    ADD COLUMN dispatched_to text,                       -- who was sent last
    ADD COLUMN progress_at timestamptz,                  -- of its owner's claim: when it last moved; the lease runs from here
    ADD COLUMN clock_since timestamptz,                  -- since when the escalation clock runs; null: it stands still
    ADD COLUMN clock_ran double precision NOT NULL DEFAULT 0,  -- seconds it ran before
    ADD COLUMN escalated integer NOT NULL DEFAULT 0,     -- steps of its policy that were taken
    ADD COLUMN shown_at timestamptz,                     -- when a console first showed its newest press
    ADD COLUMN quiet text CHECK (quiet IN ('chattering', 'maintenance', 'unusual')),  -- why it neither sounds nor sends notices
    ADD COLUMN shelved_until timestamptz,
    ADD COLUMN shelved_by text,
    ADD COLUMN drill boolean NOT NULL DEFAULT false;
UPDATE incidents SET devices = ARRAY[device] WHERE device IS NOT NULL;
CREATE INDEX incidents_by_opening ON incidents (site, opened_at);

-- what is to be told outside of the console, written with the change that it tells of (transactional outbox)
CREATE TABLE notices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    incident bigint REFERENCES incidents,
    why text NOT NULL,                    -- open, escalate, dispatch, resolve, flood
    tier text CHECK (tier IN ('grid', 'community', 'district')),  -- to whom: a tier,
    person text,                          -- or one person
    means text[] NOT NULL DEFAULT '{*}',  -- names of channels; *: every one of the tier
    priority text NOT NULL CHECK (priority IN ('critical', 'high', 'medium', 'low')),
    facts jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    spread_at timestamptz                 -- when it was made deliveries, one for each channel
);
CREATE INDEX notices_waiting ON notices (id) WHERE spread_at IS NULL;
CREATE INDEX notices_by_incident ON notices (incident, id);

-- maintenance and drills: when, where, why
CREATE TABLE windows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('maintenance', 'drill')),
    grid text,                            -- this grid and those that lie in it; null: not by grid
    device text,                          -- this device; both null: the whole site
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason text NOT NULL,
    made_by text NOT NULL,
    made_at timestamptz NOT NULL,
    ended_by text
);
CREATE INDEX windows_by_end ON windows (ends_at);

-- how often a camera raised an incident lately; quiet_until: it chatters
CREATE TABLE chatter (
    site text NOT NULL,
    device text NOT NULL,
    raised timestamptz[] NOT NULL DEFAULT '{}',
    quiet_until timestamptz,
    PRIMARY KEY (site, device),
    FOREIGN KEY (site, device) REFERENCES devices ON DELETE CASCADE
) WITH (fillfactor = 50);

-- officers who have more than they can answer: since when, and until when
CREATE TABLE floods (
    name text NOT NULL REFERENCES users ON DELETE CASCADE,
    since timestamptz NOT NULL,
    until timestamptz,
    peak integer NOT NULL,
    PRIMARY KEY (name, since)
);
CREATE UNIQUE INDEX floods_now ON floods (name) WHERE until IS NULL;

-- work that is done now and then, by one engine each time
CREATE TABLE jobs (
    job text PRIMARY KEY,
    ran_at timestamptz NOT NULL
);

GRANT SELECT, INSERT, UPDATE, DELETE ON notices, windows, chatter, floods, jobs TO skynet_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO skynet_app;
