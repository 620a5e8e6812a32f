-- What the destination has last said of a row; see the Postgres migration of the same number.

alter table ledger add column request text;
alter table ledger add column answer text;
alter table ledger add column decided_at text;
alter table dead_letter add column request text not null default '';
alter table dead_letter add column answer text not null default '';
