-- What a run needs of the ledger to tell unchanged rows, small enough to be read at once.

create table sluice.digest (
    pipeline  text collate "C" not null,
    commit_no bigint not null,
    part      integer not null,
    entries   bytea not null,
    primary key (pipeline, commit_no, part)
);
alter table sluice.digest alter column entries set storage external;
comment on table sluice.digest is 'The ledger once more, packed: what each commit changed of it. It is made again from the ledger where it is missing.';
comment on column sluice.digest.entries is '16 bytes a key: its hash, and the start of its content''s; 0 where the ledger is to be asked. Later ones count.';

alter table sluice.progress add column digest_no bigint;
comment on column sluice.progress.digest_no is 'Of the commit that the digest was last added to by; null where it is to be made again.';

-- Whoever changes the ledger by hand need not know of the digest.
create function sluice.ledger_edited() returns trigger language plpgsql as $$
begin
    if tg_op = 'TRUNCATE' then
        update sluice.progress set digest_no = null;
    else
        update sluice.progress set digest_no = null where pipeline = old.pipeline and digest_no is not null;
    end if;
    return null;
end $$;
create trigger ledger_updated after update on sluice.ledger for each row when (new.commit_no = old.commit_no) execute function sluice.ledger_edited();
create trigger ledger_deleted after delete on sluice.ledger for each row execute function sluice.ledger_edited();
create trigger ledger_truncated after truncate on sluice.ledger for each statement execute function sluice.ledger_edited();
