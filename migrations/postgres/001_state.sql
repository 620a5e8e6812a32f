-- The state of Sluice's pipelines. Text that identifies something compares by its bytes, so that every process and
-- every version of the operating system's collations sees the same order.

create table sluice.binding (
    one     integer primary key check (one = 1),
    account text not null
);
comment on table sluice.binding is 'The one account that this state belongs to.';

create table sluice.pipeline (
    name       text collate "C" primary key,
    epoch      bigint not null default 0,
    account    text not null default '',
    granted_at timestamptz
);
comment on table sluice.pipeline is 'The fence: touched only when a run begins. Every transaction of a run checks its epoch here.';

create table sluice.lease (
    pipeline   text collate "C" primary key,
    epoch      bigint not null default 0,
    holder     text not null default '',
    token      text not null default '',
    locked     boolean not null default false,
    granted_at timestamptz,
    renewed_at timestamptz,
    expires_at timestamptz
);
comment on table sluice.lease is 'Who is running a pipeline. A table of its own, so that renewals never wait for a transaction.';
comment on column sluice.lease.locked is 'The holder has a session advisory lock too: once that is free, the holder is gone.';

create table sluice.progress (
    pipeline    text collate "C" primary key,
    commit_no   bigint not null default 0,
    token       text not null default '',
    position    bytea,
    fingerprint text not null default '',
    reread      boolean not null default false,
    updated_at  timestamptz
);
comment on table sluice.progress is 'The checkpoint and the number of commits. Its row lock puts the commits of a pipeline in order.';
comment on column sluice.progress.token is 'Of the last commit: tells whether a commit whose answer was lost was made.';
comment on column sluice.progress.reread is 'The next run starts from the first row.';

create table sluice.run (
    id         bigint generated always as identity primary key,
    pipeline   text collate "C" not null,
    epoch      bigint not null,
    status     text not null,
    message    text not null default '',
    report     jsonb,
    started_at timestamptz not null,
    ended_at   timestamptz
);
create index run_pipeline on sluice.run (pipeline, id);

create table sluice.intent_group (
    seq        bigint generated always as identity primary key,
    id         text collate "C" not null unique,
    pipeline   text collate "C" not null,
    epoch      bigint not null,
    created_at timestamptz not null,
    items      bytea not null
);
create index intent_group_pipeline on sluice.intent_group (pipeline);
comment on table sluice.intent_group is 'What was about to be sent, written down before it was; a group goes when all of it is decided.';

create table sluice.ledger (
    pipeline   text collate "C" not null,
    key        text collate "C" not null,
    version    bigint not null,
    hash       bytea,
    rejected   bytea,
    record_id  text collate "C" not null default '',
    held       boolean not null default false,
    links      jsonb,
    commit_no  bigint not null,
    updated_at timestamptz not null,
    primary key (pipeline, key)
) with (fillfactor = 85);
create index ledger_record on sluice.ledger (pipeline, record_id) where record_id <> '';
comment on table sluice.ledger is 'What the destination has of every key.';
comment on column sluice.ledger.version is 'Counts the writes of the key that were decided.';
comment on column sluice.ledger.hash is 'Of the content that the destination has; null if that is not known.';
comment on column sluice.ledger.rejected is 'Of the content that was rejected, while the reject is open.';
comment on column sluice.ledger.held is 'Nobody can tell whether the record was made: waits for a person.';
comment on column sluice.ledger.commit_no is 'Of the pipeline''s commit that last changed the row; see sluice.progress.';

create table sluice.waiting (
    pipeline      text collate "C" not null,
    key           text collate "C" not null,
    slot          text collate "C" not null,
    remove        boolean not null,
    from_end      text collate "C" not null,
    to_end        text collate "C" not null,
    account       text collate "C" not null,
    label         text not null default '',
    from_object   text collate "C" not null,
    from_id       text collate "C" not null,
    from_property text collate "C" not null,
    from_value    text collate "C" not null,
    to_object     text collate "C" not null,
    to_id         text collate "C" not null,
    to_property   text collate "C" not null,
    to_value      text collate "C" not null,
    primary key (pipeline, key, slot, remove, from_end, to_end)
);
comment on table sluice.waiting is 'Links that are wanted but not written yet.';

create table sluice.record_id (
    account   text collate "C" not null,
    object    text collate "C" not null,
    property  text collate "C" not null,
    value     text collate "C" not null,
    record_id text collate "C" not null,
    primary key (account, object, property, value)
);
comment on table sluice.record_id is 'Records that any pipeline has written, by the folded value of a unique property.';

create table sluice.dead_letter (
    id         bigint generated always as identity primary key,
    pipeline   text collate "C" not null,
    subject    text collate "C" not null,
    key        text collate "C" not null,
    place      text not null,
    stage      text collate "C" not null,
    code       text collate "C" not null,
    message    text not null,
    state      text not null check (state in ('open', 'held', 'closed')),
    run        bigint not null,
    last_run   bigint not null,
    first_at   timestamptz not null,
    last_at    timestamptz not null,
    retried_at timestamptz,
    closed_at  timestamptz
);
create unique index dead_letter_open on sluice.dead_letter (pipeline, subject, stage, code) where state <> 'closed';
create index dead_letter_key on sluice.dead_letter (pipeline, key) where state <> 'closed';
comment on column sluice.dead_letter.subject is 'The key, or the place of a row whose key could not be read.';

create table sluice.throttle (
    account  text collate "C" primary key,
    saved    bytea not null,
    saved_at timestamptz not null
);
