-- What a field policy compares with.

alter table sluice.ledger add column tried jsonb;
comment on column sluice.ledger.tried is 'Shared properties as attempts may have left them whose end nobody was told, a list of objects of texts: not taken for a person''s edit.';
