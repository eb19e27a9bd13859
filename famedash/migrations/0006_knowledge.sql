-- Knowledge: documents of brands, cut into chunks, with their vectors.

create extension if not exists vector;

-- `brand_key` is what brands are compared by (null: of the whole workspace). `fingerprint` is the same for
-- the same text about the same brand and platform; `origin` names what a document was made from.
create table knowledge_documents (
    workspace_id text collate "C" not null,
    document_id uuid not null,
    title text not null,
    brand text,
    brand_key text collate "C",
    platform text collate "C",
    kind text not null check (kind in ('guideline', 'past_brief')),
    origin text collate "C",
    text text not null,
    characters integer not null,
    chunks integer not null default 0,
    fingerprint bytea not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (workspace_id, document_id)
);
create index knowledge_documents_newest on knowledge_documents (workspace_id, created_at desc, document_id desc);
create unique index knowledge_documents_same on knowledge_documents (workspace_id, fingerprint)
    where origin is null;
create unique index knowledge_documents_origin on knowledge_documents (workspace_id, origin)
    where origin is not null;

-- No index on the vectors: those of one workspace are few, and a scan finds the nearest for certain.
-- Vectors are compared only with vectors of the same embedder.
create table knowledge_chunks (
    workspace_id text collate "C" not null,
    document_id uuid not null,
    position integer not null,
    heading text not null,
    text text not null,
    embedder text collate "C" not null,
    embedding vector not null,
    primary key (workspace_id, document_id, position),
    foreign key (workspace_id, document_id) references knowledge_documents on delete cascade
);

-- Raised by every change of a workspace's knowledge, in its transaction.
create table knowledge_versions (
    workspace_id text collate "C" primary key,
    version bigint not null
);
