-- What is usual: counts by the hour, which outlive the events they are made of; what was shown of them; buttons to look at.

CREATE TABLE event_hours (
    hour timestamptz NOT NULL,            -- its beginning
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    device text NOT NULL,                 -- every registered camera has a row, with 0 where it saw nothing
    count integer NOT NULL,               -- what began: starts and instants, not each word of a track
    whole boolean NOT NULL,               -- it was there, online, listened to and not in maintenance for the whole hour
    PRIMARY KEY (hour, site, device)
);

-- how far the hours are counted, and compared with habit: hours before this are done
CREATE TABLE hours_done (
    work text PRIMARY KEY CHECK (work IN ('counted', 'compared')),
    up_to timestamptz NOT NULL
);

-- what was shown as unusual, with the figure it rests on
CREATE TABLE unusual_items (
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    device text NOT NULL,
    hour timestamptz NOT NULL,            -- the beginning of the hour (of silence: the last one) that made it unusual
    what text NOT NULL CHECK (what IN ('above', 'silent')),
    hours integer NOT NULL,               -- how many hours, up to and with that one
    count integer NOT NULL,
    low integer NOT NULL,
    high integer NOT NULL,
    weeks integer NOT NULL,
    incident bigint NOT NULL REFERENCES incidents,
    over_at timestamptz,                  -- when it was usual again
    PRIMARY KEY (site, device, hour, what)
);
CREATE UNIQUE INDEX unusual_now ON unusual_items (site, device) WHERE over_at IS NULL;

-- buttons that somebody should look at; never a reason to keep one quiet
CREATE TABLE device_checks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL,
    device text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('regular-hours', 'low-battery')),
    figures jsonb NOT NULL,
    proposed_at timestamptz NOT NULL,
    done_at timestamptz,
    done_by text,
    note text,
    FOREIGN KEY (site, device) REFERENCES devices ON DELETE CASCADE
);
CREATE UNIQUE INDEX device_checks_open ON device_checks (site, device, reason) WHERE done_at IS NULL;
CREATE INDEX device_checks_by_site ON device_checks (site, id DESC);
CREATE INDEX alarms_presses ON alarms (received_at) WHERE action = 'press';
