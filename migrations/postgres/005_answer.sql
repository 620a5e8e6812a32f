-- What the destination has last said of a row: kept for people, nothing is decided by it.

alter table sluice.ledger add column request text;
comment on column sluice.ledger.request is 'The destination''s own name of the request that decided the version, such as HubSpot''s correlation id; "" where none was sent.';

alter table sluice.ledger add column answer text;
comment on column sluice.ledger.answer is 'What the destination said to that request, in short: its status, and the category of its error.';

alter table sluice.ledger add column decided_at timestamptz;
comment on column sluice.ledger.decided_at is 'When the version was decided; null for what was decided before this column was there.';

alter table sluice.dead_letter add column request text not null default '';
alter table sluice.dead_letter add column answer text not null default '';
comment on column sluice.dead_letter.request is 'The destination''s own name of the request that it refused; "" where the row was refused without one.';
