-- What a field policy compares with; see the Postgres migration of the same number.

alter table ledger add column tried text;
