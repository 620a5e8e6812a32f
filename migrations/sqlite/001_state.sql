-- The state of Sluice's pipelines; see postgres/001_state.sql for what the tables and columns mean.
-- Times are UTC, as in 2006-01-02 15:04:05.000.

create table binding (
    one     integer primary key check (one = 1),
    account text not null
);

create table pipeline (
    name       text primary key,
    epoch      integer not null default 0,
    account    text not null default '',
    granted_at text
) without rowid;

create table lease (
    pipeline   text primary key,
    epoch      integer not null default 0,
    holder     text not null default '',
    token      text not null default '',
    locked     integer not null default 0,
    granted_at text,
    renewed_at text,
    expires_at text
) without rowid;

create table progress (
    pipeline    text primary key,
    commit_no   integer not null default 0,
    token       text not null default '',
    position    blob,
    fingerprint text not null default '',
    reread      integer not null default 0,
    updated_at  text
) without rowid;

create table run (
    id         integer primary key autoincrement,
    pipeline   text not null,
    epoch      integer not null,
    status     text not null,
    message    text not null default '',
    report     text,
    started_at text not null,
    ended_at   text
);
create index run_pipeline on run (pipeline, id);

create table intent_group (
    seq        integer primary key autoincrement,
    id         text not null unique,
    pipeline   text not null,
    epoch      integer not null,
    created_at text not null,
    items      blob not null
);
create index intent_group_pipeline on intent_group (pipeline);

create table ledger (
    pipeline   text not null,
    key        text not null,
    version    integer not null,
    hash       blob,
    rejected   blob,
    record_id  text not null default '',
    held       integer not null default 0,
    links      text,
    commit_no  integer not null,
    updated_at text not null,
    primary key (pipeline, key)
) without rowid;
create index ledger_record on ledger (pipeline, record_id) where record_id <> '';

create table waiting (
    pipeline      text not null,
    key           text not null,
    slot          text not null,
    remove        integer not null,
    from_end      text not null,
    to_end        text not null,
    account       text not null,
    label         text not null default '',
    from_object   text not null,
    from_id       text not null,
    from_property text not null,
    from_value    text not null,
    to_object     text not null,
    to_id         text not null,
    to_property   text not null,
    to_value      text not null,
    primary key (pipeline, key, slot, remove, from_end, to_end)
) without rowid;

create table record_id (
    account   text not null,
    object    text not null,
    property  text not null,
    value     text not null,
    record_id text not null,
    primary key (account, object, property, value)
) without rowid;

create table dead_letter (
    id         integer primary key autoincrement,
    pipeline   text not null,
    subject    text not null,
    key        text not null,
    place      text not null,
    stage      text not null,
    code       text not null,
    message    text not null,
    state      text not null check (state in ('open', 'held', 'closed')),
    run        integer not null,
    last_run   integer not null,
    first_at   text not null,
    last_at    text not null,
    retried_at text,
    closed_at  text
);
create unique index dead_letter_open on dead_letter (pipeline, subject, stage, code) where state <> 'closed';
create index dead_letter_key on dead_letter (pipeline, key) where state <> 'closed';

create table throttle (
    account  text primary key,
    saved    blob not null,
    saved_at text not null
) without rowid;
