-- Indexes that begin with what differs; see the Postgres migration of the same number.

create table record_id_narrow (
    account   text not null,
    object    text not null,
    property  text not null,
    value     text not null,
    record_id text not null,
    primary key (value, property, object, account)
) without rowid;
insert into record_id_narrow select account, object, property, value, record_id from record_id order by value, property, object, account;
drop table record_id;
alter table record_id_narrow rename to record_id;

drop index ledger_record;
create index ledger_record on ledger (record_id, pipeline) where record_id <> '';
