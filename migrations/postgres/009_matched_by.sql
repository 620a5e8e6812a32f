-- What spares an update of a record the look into the table of record ids, which all pipelines share.

alter table sluice.ledger add column matched_by text collate "C" not null default '';
comment on column sluice.ledger.matched_by is 'The property by which sluice.record_id has the record, put there by this row; empty where it was not, or that was before this column was there.';
