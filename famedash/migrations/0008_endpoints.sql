-- Webhook endpoints that workspaces make themselves, what was replayed, and what was proven delivered.

-- The endpoint `default` has no row: it points where FAMEDASH_WEBHOOK_URL says. Secrets and headers are sealed.
create table webhook_endpoints (
    workspace_id text not null,
    endpoint_id text not null,
    url text not null,
    description text,
    headers bytea,
    max_in_flight integer not null,
    secret bytea not null,
    previous_secret bytea,
    previous_until timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (workspace_id, endpoint_id)
);

-- Which event types from then on; null is every type.
alter table webhook_endpoint_changes add column event_types text[];

-- A replay stands outside its lane: it was asked for at `replayed_at`, after `tries_before` tries.
alter table webhook_waiting
    add column tries_before integer not null default 0,
    add column replayed_at timestamptz;

drop index webhook_waiting_due;
drop index webhook_waiting_of_endpoint;
create index webhook_waiting_due on webhook_waiting (partition, workspace_id, endpoint_id, due_at)
    where due_at is not null and not sending;
create index webhook_waiting_next on webhook_waiting (partition, due_at)
    where due_at is not null and not sending;
create index webhook_waiting_marked on webhook_waiting (partition) where sending;
create index webhook_waiting_of_endpoint on webhook_waiting (workspace_id, endpoint_id);
create index webhook_waiting_replays on webhook_waiting (workspace_id) where replayed_at is not null;

alter table webhook_dead_letters add column replayed_at timestamptz;
create index webhook_dead_letters_of_endpoint on webhook_dead_letters (workspace_id, endpoint_id, id);

-- Replays of many: a job goes through the letters up to `last_letter`, in the order of their ids.
create table webhook_replays (
    workspace_id text not null,
    id uuid not null,
    filters json not null,
    forced boolean not null,
    actor text not null,
    position uuid,
    last_letter uuid,
    replayed integer not null default 0,
    skipped integer not null default 0,
    created_at timestamptz not null,
    finished_at timestamptz,
    primary key (workspace_id, id)
);
create index webhook_replays_open on webhook_replays (created_at) where finished_at is null;

-- Every event up to `seq` was found delivered, given up, expired or waiting, for each endpoint it was owed to.
create table webhook_reconciliation (
    sole boolean primary key default true check (sole),
    seq bigint not null
);
-- What was there before is taken as proven.
insert into webhook_reconciliation (seq) select coalesce(max(seq), 0) from outbox_events;
