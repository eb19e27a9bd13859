-- Campaigns, and the two ledgers that are written in the same transaction.

-- `metadata` is json, not jsonb: it comes back as it was sent (1e22 stays a float, keys keep their order).
create table campaigns (
    workspace_id text not null,
    id text not null,
    version integer not null,
    status text not null,
    name text not null,
    brand text,
    product text,
    goal text,
    platforms text[] not null default '{}',
    budget_amount numeric,
    budget_currency text,
    starts_at timestamptz,
    ends_at timestamptz,
    influencer_ids text[] not null default '{}',
    metadata json not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (workspace_id, id)
);
create index campaigns_newest on campaigns (workspace_id, created_at desc, id desc);
create index campaigns_to_start on campaigns (starts_at) where status = 'scheduled';
create index campaigns_to_end on campaigns (ends_at) where status in ('active', 'paused');

-- Domain events. Rows are never updated; the topic says which log or stream they travel on.
create table outbox_events (
    workspace_id text not null,
    campaign_id text not null,
    version integer not null,
    event_id uuid not null,
    seq bigint generated always as identity unique,
    type text not null,
    topic text not null,
    partition integer not null,
    body bytea not null,
    occurred_at timestamptz not null,
    primary key (workspace_id, campaign_id, version, event_id)
);

create table outbox_unpublished (
    seq bigint primary key
);

-- A key is claimed and answered in one transaction, so a committed row always has its answer.
create table idempotency_keys (
    workspace_id text not null,
    key text not null,
    fingerprint bytea not null,
    status integer,
    headers json,
    body bytea,
    created_at timestamptz not null default clock_timestamp(),
    primary key (workspace_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);
