-- Every brief that was written, with what was asked and what it rests on; and what became of it.

create table briefs (
    workspace_id text collate "C" not null,
    brief_id uuid not null,
    created_at timestamptz not null default clock_timestamp(),
    created_by text not null,
    campaign_id text collate "C",
    brand text not null,
    product text not null,
    platform text not null,
    engine text not null,
    model text not null,
    request jsonb not null,
    answer json not null,  -- as it was answered, its fields in their order
    primary key (workspace_id, brief_id)
);

create index briefs_newest on briefs (workspace_id, created_at desc, brief_id desc);
create index briefs_of_campaign on briefs (workspace_id, campaign_id, created_at desc, brief_id desc)
    where campaign_id is not null;

-- The newest word on a brief counts; what was said before it stays.
create table brief_feedback (
    workspace_id text collate "C" not null,
    brief_id uuid not null,
    feedback_id uuid not null,
    verdict text not null check (verdict in ('used', 'edited', 'rejected')),
    edited_caption text,
    note text,
    given_at timestamptz not null default clock_timestamp(),
    given_by text not null,
    primary key (workspace_id, brief_id, feedback_id),
    foreign key (workspace_id, brief_id) references briefs (workspace_id, brief_id)
);
