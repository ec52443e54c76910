-- Posts, shifts, the key that signs links, handovers. (How a person is told, `contacts`, is of 0003.)

-- who belongs to which tier of a site; at the tier of grids, to which grid
CREATE TABLE posts (
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    name text NOT NULL REFERENCES users ON DELETE CASCADE,
    tier text NOT NULL CHECK (tier IN ('grid', 'community', 'district')),
    grid text CHECK ((tier = 'grid') = (grid IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (site, tier, grid, name),
    FOREIGN KEY (site, grid) REFERENCES grids (site, grid) ON DELETE CASCADE
);
CREATE INDEX posts_by_name ON posts (name);

-- hours in the site's own time; one that ends at or before its beginning goes over midnight
CREATE TABLE shifts (
    site text NOT NULL REFERENCES sites ON DELETE CASCADE,
    shift text NOT NULL CHECK (shift ~ '^[^\s/]{1,48}$'),
    hours text NOT NULL CHECK (hours ~ '^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$'),
    days smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}' CHECK (days <@ '{1,2,3,4,5,6,7}' AND days <> '{}'),  -- 1: Monday
    PRIMARY KEY (site, shift)
);
CREATE TABLE shift_members (
    site text NOT NULL,
    shift text NOT NULL,
    name text NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (site, shift, name),
    FOREIGN KEY (site, shift) REFERENCES shifts ON DELETE CASCADE
);
CREATE INDEX shift_members_by_name ON shift_members (name);

-- keys that sign links, made on first use; they leave the database only with its backup
CREATE TABLE signing_keys (
    purpose text PRIMARY KEY,
    key bytea NOT NULL CHECK (length(key) >= 32),
    made_at timestamptz NOT NULL DEFAULT now()
);
REVOKE UPDATE, DELETE, TRUNCATE ON signing_keys FROM skynet_app;

-- a shift's handover: the sheet as it was signed by who goes, then by who comes
CREATE TABLE handovers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site text NOT NULL REFERENCES sites,
    from_name text NOT NULL,
    to_name text NOT NULL CHECK (to_name <> from_name),
    note text,
    sheet json NOT NULL,                  -- as it goes over the wire
    signed_at timestamptz NOT NULL
);
CREATE INDEX handovers_by_site ON handovers (site, id DESC);
CREATE TABLE handover_acceptances (
    handover bigint PRIMARY KEY REFERENCES handovers,
    accepted_at timestamptz NOT NULL
);
-- the claims that moved with it
CREATE TABLE handover_moves (
    handover bigint NOT NULL REFERENCES handovers,
    incident bigint NOT NULL REFERENCES incidents,
    PRIMARY KEY (handover, incident)
);
REVOKE UPDATE, DELETE, TRUNCATE ON handovers, handover_acceptances, handover_moves FROM skynet_app;
