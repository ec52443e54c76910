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
