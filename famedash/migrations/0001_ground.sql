-- The ground: what is fixed for the installation, and who owns what.

create table installation (
    sole boolean primary key default true check (sole),
    log_partitions integer not null,
    webhook_url text not null default '',
    created_at timestamptz not null default now()
);

-- Who owns a partition of the log, reader by reader: a lease with an epoch (DESIGN section 4).
create table reader_leases (
    reader text not null,
    partition integer not null,
    owner text,
    epoch bigint not null default 0,
    lease_until timestamptz,
    primary key (reader, partition)
) with (fillfactor = 50);

-- Where a reader stands. Every write of an owner checks epoch, position and `write_id`, and leaves
-- an id of its own; it stands apart from the lease so that a renewal never waits for a write.
create table reader_positions (
    reader text not null,
    partition integer not null,
    epoch bigint not null default 0,
    entry text not null default '0-0',
    lines integer not null default 0,
    write_id uuid,
    suspect_before timestamptz,
    suspects integer not null default 0,
    gap_noted boolean not null default false,
    primary key (reader, partition)
) with (fillfactor = 50);

create table reader_members (
    reader text not null,
    member text not null,
    seen_until timestamptz not null,
    primary key (reader, member)
);

-- Entries that a reader expected and the broker no longer had.
create table reader_gaps (
    id bigint generated always as identity primary key,
    reader text not null,
    partition integer not null,
    expected text not null,
    resumed_at text,
    noted_at timestamptz not null default now()
);

-- Things that only one process may do at a time (the relay).
create table singletons (
    name text primary key,
    owner text,
    epoch bigint not null default 0,
    lease_until timestamptz
);
