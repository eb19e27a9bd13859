-- Streaming metrics: counters by minute, hour and in total; what was counted already; what could not be.

-- A position may lie inside an entry: then `within` is the id of that entry, so that the lines done
-- are skipped there and nowhere else.
alter table reader_positions add column within text not null default '';

-- The counters of an installation differ from those of another by this seed of their fingerprints.
alter table installation add column fingerprint_seed bigint not null
    default ('x' || substr(md5(random()::text || clock_timestamp()::text), 1, 16))::bit(64)::bigint;

-- No secondary index on any counter, so that their updates stay in the page (HOT).
create table metric_minutes (
    workspace_id text collate "C" not null,
    campaign_id text collate "C" not null,
    minute timestamptz not null,
    platform text collate "C" not null,
    views bigint not null,
    likes bigint not null,
    comments bigint not null,
    shares bigint not null,
    saves bigint not null,
    clicks bigint not null,
    conversions bigint not null,
    primary key (workspace_id, campaign_id, minute, platform)
) partition by range (minute);

create table metric_hours (
    workspace_id text collate "C" not null,
    campaign_id text collate "C" not null,
    hour timestamptz not null,
    platform text collate "C" not null,
    views bigint not null,
    likes bigint not null,
    comments bigint not null,
    shares bigint not null,
    saves bigint not null,
    clicks bigint not null,
    conversions bigint not null,
    primary key (workspace_id, campaign_id, hour, platform)
) partition by range (hour);

create table metric_totals (
    workspace_id text collate "C" not null,
    campaign_id text collate "C" not null,
    platform text collate "C" not null,
    views bigint not null,
    likes bigint not null,
    comments bigint not null,
    shares bigint not null,
    saves bigint not null,
    clicks bigint not null,
    conversions bigint not null,
    primary key (workspace_id, campaign_id, platform)
) with (fillfactor = 25);

create table metric_creator_hours (
    workspace_id text collate "C" not null,
    campaign_id text collate "C" not null,
    hour timestamptz not null,
    influencer_id text collate "C" not null,
    platform text collate "C" not null,
    views bigint not null,
    likes bigint not null,
    comments bigint not null,
    shares bigint not null,
    saves bigint not null,
    clicks bigint not null,
    conversions bigint not null,
    primary key (workspace_id, campaign_id, hour, influencer_id, platform)
) partition by range (hour);

create table metric_creator_totals (
    workspace_id text collate "C" not null,
    campaign_id text collate "C" not null,
    influencer_id text collate "C" not null,
    platform text collate "C" not null,
    views bigint not null,
    likes bigint not null,
    comments bigint not null,
    shares bigint not null,
    saves bigint not null,
    clicks bigint not null,
    conversions bigint not null,
    primary key (workspace_id, campaign_id, influencer_id, platform)
) with (fillfactor = 50);

-- Likes, comments and shares of the events that carried a hashtag (lower case, without '#').
-- By partition too, so that two consumers never write the same row.
create table metric_hashtag_hours (
    workspace_id text collate "C" not null,
    platform text collate "C" not null,
    hour timestamptz not null,
    hashtag text collate "C" not null,
    partition integer not null default 0,
    engagements bigint not null,
    primary key (workspace_id, platform, hour, hashtag, partition)
) partition by range (hour);

-- What was counted: the fingerprints (64 bits each, little-endian) of one write, by the minute of their events.
create table metric_fingerprints (
    partition integer not null,
    minute timestamptz not null,
    write_id uuid not null,
    fingerprints bytea not null,
    primary key (partition, minute, write_id)
) partition by range (minute);
alter table metric_fingerprints alter column fingerprints set storage external;

-- The oldest time for which the fingerprints are complete (null: for ever). Moved forward by `tend` only.
create table metric_horizon (
    sole boolean primary key default true check (sole),
    complete_from timestamptz
);
insert into metric_horizon (complete_from) values (null);

-- Lines that could not be counted. Where from: partition, entry, when that arrived, and which line of it (from 0).
create table metric_dead_letters (
    partition integer not null,
    entry text not null,
    arrived_ms bigint not null,
    line integer not null,
    reason text not null,
    payload bytea not null,
    noted_at timestamptz not null default clock_timestamp(),
    copied boolean not null default false,
    replayed_at timestamptz,
    primary key (partition, entry, arrived_ms, line)
);
create index metric_dead_letters_to_copy on metric_dead_letters (partition) where not copied;
create index metric_dead_letters_age on metric_dead_letters (noted_at);

-- Makes the table that holds [starts, ends) of `parent`, named by its first day, unless it is there.
-- Attached afterwards, so that readers and writers of the other tables go on.
create function prepare_time_partition(parent text, starts timestamptz, ends timestamptz) returns boolean
language plpgsql as $$
declare
    name text := parent || '_' || to_char(starts at time zone 'UTC', 'YYYYMMDD');
    room integer := case parent when 'metric_fingerprints' then 100 when 'metric_minutes' then 70 else 50 end;
begin
    -- Looked for only under the lock: a look before it would be remembered.
    perform pg_advisory_xact_lock(hashtext('famedash:' || parent));
    if to_regclass(name) is not null then return false; end if;
    execute format('create table %I (like %I including all) with (fillfactor = %s)', name, parent, room);
    execute format('alter table %I attach partition %I for values from (%L) to (%L)',
                   parent, name, starts, ends);
    return true;
end $$;

-- Drops the tables of `parent` that end at `before` or earlier; answers how many.
create function drop_time_partitions(parent text, span interval, before timestamptz) returns integer
language plpgsql as $$
declare
    child regclass;
    dropped integer := 0;
begin
    for child in
        select inhrelid::regclass from pg_inherits
        where inhparent = parent::regclass
          and to_timestamp(right(inhrelid::regclass::text, 8) || ' 00 +00', 'YYYYMMDD HH24 TZH') + span <= before
    loop
        execute format('drop table %s', child);
        dropped := dropped + 1;
    end loop;
    return dropped;
end $$;
