-- What tells a state that was put back, copied or failed over from the one that runs have written to.

create table sluice.identity (
    one integer primary key check (one = 1),
    id  text not null
);
comment on table sluice.identity is 'Names this state: a copy of it has the same name, a new one another.';
insert into sluice.identity (one, id) values (1, replace(gen_random_uuid()::text, '-', ''));

alter table sluice.progress add column server text not null default '';
comment on column sluice.progress.server is 'Where the state was when the pipeline last ran, as the server tells.';

alter table sluice.progress add column behind text not null default '';
comment on column sluice.progress.behind is 'Why the ledger may not know all that the destination has, until it is reconciled.';
