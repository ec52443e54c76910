-- What reports are made from.

-- a site that the system made for itself, to prove itself: it counts in no statistics
ALTER TABLE sites ADD COLUMN IF NOT EXISTS internal boolean NOT NULL DEFAULT false;

-- what people and time did, by time; what devices say (most of all changes) stays out, so that a press pays nothing for it
CREATE INDEX changes_of_people ON changes (site, at, seq) INCLUDE (incident, verb, actor)
    WHERE verb NOT IN ('open', 'repeat');

-- what was still unresolved at a moment; an incident that opens pays nothing for it
CREATE INDEX incidents_by_end ON incidents (site, resolved_at) INCLUDE (opened_at) WHERE resolved_at IS NOT NULL;
