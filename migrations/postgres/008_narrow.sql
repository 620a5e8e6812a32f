-- An index compares its columns one after the other: one that begins with what differs is searched in a fraction of the time.

alter table sluice.record_id drop constraint record_id_pkey, add primary key (value, property, object, account);

drop index sluice.ledger_record;
create index ledger_record on sluice.ledger (record_id, pipeline) where record_id <> '';

-- Intents live for seconds: to compress them takes longer than to write them.
alter table sluice.intent_group alter column items set storage external;
