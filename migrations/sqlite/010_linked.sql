-- Who has a link; see the Postgres migration of the same number.

create table linked (
    pair     text not null,
    pipeline text not null,
    key      text not null,
    primary key (pair, pipeline, key)
) without rowid;

insert into linked (pair, pipeline, key)
select distinct case when s.a <= s.b then s.a || ' ' || s.b else s.b || ' ' || s.a end, s.pipeline, s.key
from (
    select l.pipeline, l.key, e.value ->> 'from' as a, e.value ->> 'to' as b
    from ledger l cross join json_each(l.links) e
    where l.links is not null
) s;
