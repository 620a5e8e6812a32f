-- See postgres/003_identity.sql for what the table and columns mean.

create table identity (
    one integer primary key check (one = 1),
    id  text not null
);
insert into identity (one, id) values (1, lower(hex(randomblob(16))));

alter table progress add column server text not null default '';
alter table progress add column behind text not null default '';
