-- What spares an update of a record the look into the table of record ids, which all pipelines share.

alter table ledger add column matched_by text not null default '';
