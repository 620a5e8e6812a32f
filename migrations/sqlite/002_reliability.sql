-- What is needed to tell records and rejects apart over time; see postgres/002_reliability.sql.

alter table ledger add column merged_from text not null default '';

alter table ledger add column matched text not null default '';

alter table dead_letter add column follows integer;
create index dead_letter_retried on dead_letter (pipeline, key) where retried_at is not null;

alter table progress add column target text not null default '';
