-- What a plan compares with, and what a mirror may take back.

alter table sluice.ledger add column sent jsonb;
comment on column sluice.ledger.sent is 'The properties as they were last sent, an object of texts: "" where one was cleared.';

alter table sluice.ledger add column made boolean not null default false;
comment on column sluice.ledger.made is 'This pipeline has made the record: only such a record is archived when its row leaves the source.';

alter table sluice.waiting add column since timestamptz not null default now();
comment on column sluice.waiting.since is 'When the row''s links began to wait.';

alter table sluice.progress add column full_at timestamptz;
comment on column sluice.progress.full_at is 'When a run last read the source from its first row to its last.';
