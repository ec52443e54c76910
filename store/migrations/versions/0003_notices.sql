-- Channels and deliveries of notices.

-- where a tier of a site is told: a robot of WeCom, DingTalk or Feishu, a mailbox, a webhook
CREATE TABLE channels (
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    channel text NOT NULL CHECK (channel ~ '^[a-z0-9][a-z0-9-]{0,47}$'),
    tier text NOT NULL CHECK (tier IN ('grid', 'community', 'district')),
    url text NOT NULL,                    -- holds its secret: never shown, never logged
    second text,                          -- the channel that is tried when this one fails
    per_minute double precision NOT NULL DEFAULT 20,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site, channel)
);

-- how one person is told
CREATE TABLE contacts (
    name text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    url text NOT NULL                     -- holds its secret: never shown, never logged
);

-- how the incident stood when a notice was written: what was taken meanwhile is not told any more
ALTER TABLE notices
    ADD COLUMN version integer,           -- of its incident
    ADD COLUMN waited boolean;            -- whether the incident waited for somebody

-- a notice on its way to one channel or one person; once for each, whoever spreads it
CREATE TABLE deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
    site text NOT NULL,
    channel text,
    person text,
    instead_of text,                      -- the channel that failed, so that this one was taken
    urgent boolean NOT NULL,              -- goes first and by itself
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'failed', 'spared')),
    tries integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,          -- while it waits: not before; while it is sent: whoever has it has ended by then
    claim text,                           -- the message it went with; those of a digest share it
    digest boolean NOT NULL DEFAULT false,
    error text,                           -- what the service said, without secrets
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    CHECK ((channel IS NULL) <> (person IS NULL)),
    UNIQUE NULLS NOT DISTINCT (notice, channel, person)
) WITH (fillfactor = 70);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_done ON deliveries (site, channel, done_at DESC) WHERE state IN ('sent', 'failed');

-- the token bucket of each robot, by a hash of its address: two engines share it, and two channels to one robot do
CREATE TABLE robots (
    robot text PRIMARY KEY,
    tokens double precision,              -- null: full
    filled_at timestamptz,
    wait_until timestamptz,               -- it told us to wait
    throttled integer NOT NULL DEFAULT 0  -- so often in a row
) WITH (fillfactor = 50);

CREATE INDEX incidents_of_channels ON incidents (site, join_key, id DESC) WHERE join_key LIKE 'channel:%';
