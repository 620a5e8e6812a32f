-- What is needed to tell records and rejects apart over time.

alter table sluice.ledger add column merged_from text collate "C" not null default '';
comment on column sluice.ledger.merged_from is 'The record''s former id, where the destination has merged it into another record.';

alter table sluice.ledger add column matched text collate "C" not null default '';
comment on column sluice.ledger.matched is 'The folded match value that the record was last written with, where it isn''t the key.';

alter table sluice.dead_letter add column follows bigint;
create index dead_letter_retried on sluice.dead_letter (pipeline, key) where retried_at is not null;
comment on column sluice.dead_letter.follows is 'The dead letter of the same row that this one took the place of when the row was sent again.';

alter table sluice.progress add column target text not null default '';
comment on column sluice.progress.target is 'The object that the pipeline writes: the ids of its ledger are of that object''s records.';
