-- What a plan compares with, and what a mirror may take back; see the Postgres migration of the same number.

alter table ledger add column sent text;
alter table ledger add column made integer not null default 0;
alter table waiting add column since text not null default '1970-01-01 00:00:00.000';
alter table progress add column full_at text;
