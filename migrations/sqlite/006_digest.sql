-- What a run needs of the ledger to tell unchanged rows; see the Postgres migration of the same number.

create table digest (
    pipeline  text not null,
    commit_no integer not null,
    part      integer not null,
    entries   blob not null,
    primary key (pipeline, commit_no, part)
);

alter table progress add column digest_no integer;

create trigger ledger_updated after update on ledger when new.commit_no = old.commit_no begin
    update progress set digest_no = null where pipeline = old.pipeline and digest_no is not null;
end;
create trigger ledger_deleted after delete on ledger begin
    update progress set digest_no = null where pipeline = old.pipeline and digest_no is not null;
end;
