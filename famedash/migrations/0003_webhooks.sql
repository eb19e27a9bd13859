-- Webhook delivery: what was tried, what waits, what died, and when an endpoint changed.

create table webhook_endpoint_changes (
    workspace_id text not null,
    endpoint_id text not null,
    effective_at timestamptz not null,
    enabled boolean not null,
    reason text not null,
    primary key (workspace_id, endpoint_id, effective_at)
);

-- One row per try, appended and never changed. The id is a UUIDv7 made before sending.
create table webhook_attempts (
    workspace_id text not null,
    id uuid not null,
    event_id uuid not null,
    event_type text not null,
    campaign_id text not null,
    version integer not null,
    endpoint_id text not null,
    attempt integer not null,
    status text not null,
    attempted_at timestamptz not null,
    http_status integer,
    error_class text,
    duration_ms integer,
    next_attempt_at timestamptz,
    response_excerpt text,
    primary key (workspace_id, id)
);
create index webhook_attempts_of_campaign on webhook_attempts (workspace_id, campaign_id, id);
create index webhook_attempts_of_delivery on webhook_attempts (workspace_id, event_id, endpoint_id);

-- Deliveries that could not be sent at once. `due_at` is null behind the head of a lane
-- (campaign, endpoint), so a row is never fetched past an older one that still waits.
create table webhook_waiting (
    workspace_id text not null,
    campaign_id text not null,
    endpoint_id text not null,
    version integer not null,
    event_id uuid not null,
    event_type text not null,
    occurred_at timestamptz not null,
    partition integer not null,
    tries integer not null,
    due_at timestamptz,
    sending boolean not null default false,
    body bytea not null,
    primary key (workspace_id, campaign_id, endpoint_id, version, event_id)
);
create index webhook_waiting_due on webhook_waiting (partition, due_at) where due_at is not null;
create index webhook_waiting_of_endpoint on webhook_waiting (workspace_id, endpoint_id);

create table webhook_dead_letters (
    workspace_id text not null,
    id uuid not null,
    event_id uuid not null,
    event_type text not null,
    campaign_id text not null,
    version integer not null,
    endpoint_id text not null,
    attempts integer not null,
    error_class text,
    http_status integer,
    died_at timestamptz not null,
    primary key (workspace_id, id)
);
create index webhook_dead_letters_of_campaign on webhook_dead_letters (workspace_id, campaign_id, id);
