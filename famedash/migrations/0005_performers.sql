-- Creators' results: one row a (campaign, creator), ranked; and the history of the files they came from.

-- `home` is where a workspace's rows lie: '' is the table that most workspaces share. One with a large load
-- gets a table of its own, built in bulk beside the old one and put in its place (decision 0015).
create table performances (
    home text collate "C" not null default '',
    workspace_id text collate "C" not null,
    campaign_id text collate "C" not null,
    influencer_id text collate "C" not null,
    posts bigint not null check (posts > 0),
    views bigint not null check (views > 0),
    likes bigint not null check (likes >= 0),
    comments bigint not null check (comments >= 0),
    shares bigint not null check (shares >= 0),
    platform text,
    caption text,
    engagements bigint not null generated always as (likes + comments + shares) stored,
    engagement_rate double precision not null
        generated always as ((likes + comments + shares)::double precision * 100 / views) stored,
    primary key (workspace_id, campaign_id, influencer_id, home)
) partition by list (home);

create index performances_ranking on performances
    (workspace_id, campaign_id, engagement_rate desc, engagements desc, influencer_id);
create index performances_ranking_of_all on performances
    (workspace_id, engagement_rate desc, engagements desc, influencer_id, campaign_id);

create table performances_shared partition of performances for values in ('');

-- Which workspaces have a table of their own. Its name is only ever written here.
create table performance_homes (
    workspace_id text collate "C" primary key,
    table_name text not null
);

-- Every load of a file. `seen_at` is the loader's sign of life: `tend` fails a load that gives none.
create table imports (
    workspace_id text collate "C" not null,
    import_id uuid not null,
    file_name text not null,
    status text not null check (status in ('running', 'loaded', 'failed')),
    step text not null,
    human_numbers boolean not null,
    parser_version integer not null,
    sha256 bytea,
    bytes_total bigint not null default 0,
    bytes_done bigint not null default 0,
    lines bigint not null default 0,
    header bigint not null default 0,
    accepted bigint not null default 0,
    continuation bigint not null default 0,
    blank bigint not null default 0,
    flagged bigint not null default 0,
    rejected jsonb not null default '{}',
    pairs bigint not null default 0,
    inserted bigint not null default 0,
    updated bigint not null default 0,
    same_as uuid,
    warnings jsonb not null default '[]',
    error text,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    primary key (workspace_id, import_id)
);
create index imports_running on imports (seen_at) where status = 'running';

-- The first rejected lines of each load; the command writes all of them to a file.
create table import_rejects (
    workspace_id text collate "C" not null,
    import_id uuid not null,
    line bigint not null,
    reason text not null,
    field text,
    raw text not null,
    primary key (workspace_id, import_id, line),
    foreign key (workspace_id, import_id) references imports on delete cascade
);

-- Makes an empty table for the rows of one workspace, outside of `performances` until it is put in place.
create function begin_performance_table(workspace text, name text) returns void
language plpgsql as $$
begin
    execute format('create table %I (like performances including defaults including constraints'
                   ' including generated)', name);
    execute format('alter table %I alter column home set default %L, alter column workspace_id set default %L,'
                   ' add check (home = %L)', name, workspace, workspace, workspace);
end $$;

-- Completes the new table by what the workspace has besides, indexes it, and exchanges it for what the
-- workspace had. Answers how many pairs are new, and how many are changed. Readers wait only for the exchange.
create function place_performance_table(workspace text, name text, out inserted bigint, out updated bigint)
language plpgsql as $$
declare
    old text := (select table_name from performance_homes where workspace_id = workspace);
    pairs bigint;
    matched bigint;
begin
    execute format('analyze %I', name);
    execute format('select count(*) from %I', name) into pairs;
    execute format('alter table %I add primary key (workspace_id, campaign_id, influencer_id, home)', name);
    execute format(
        'select count(*), count(*) filter (where
                (o.posts, o.views, o.likes, o.comments, o.shares, o.platform, o.caption) is distinct from
                (n.posts, n.views, n.likes, n.comments, n.shares, n.platform, n.caption))
         from performances o join %I n using (workspace_id, campaign_id, influencer_id)
         where o.workspace_id = $1 and o.home in ($1, %L)', name, '') using workspace into matched, updated;
    inserted := pairs - matched;
    execute format(
        'insert into %I (campaign_id, influencer_id, posts, views, likes, comments, shares, platform, caption)
         select campaign_id, influencer_id, posts, views, likes, comments, shares, platform, caption
         from performances o
         where o.workspace_id = $1 and o.home in ($1, %L) and not exists (
             select from %I n where n.workspace_id = $1 and n.campaign_id = o.campaign_id
                and n.influencer_id = o.influencer_id)', name, '', name) using workspace;
    execute format('create index on %I (workspace_id, campaign_id, engagement_rate desc, engagements desc,'
                   ' influencer_id)', name);
    execute format('create index on %I (workspace_id, engagement_rate desc, engagements desc, influencer_id,'
                   ' campaign_id)', name);
    delete from performances where home = '' and workspace_id = workspace;
    if old is not null then
        execute format('alter table performances detach partition %I', old);
        execute format('drop table %I', old);
    end if;
    execute format('alter table performances attach partition %I for values in (%L)', name, workspace);
    insert into performance_homes values (workspace, name)
        on conflict (workspace_id) do update set table_name = excluded.table_name;
end $$;
