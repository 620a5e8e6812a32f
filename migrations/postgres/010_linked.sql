-- Who has a link: several rows, also of several pipelines, may ask for one and the same.

create table sluice.linked (
    pair     text collate "C" not null,
    pipeline text collate "C" not null,
    key      text collate "C" not null,
    primary key (pair, pipeline, key)
);
comment on table sluice.linked is 'The rows of the ledger by the records that their links are between. A link is taken back with the last row that has it.';
comment on column sluice.linked.pair is 'The ids of both records, the lesser one (by its bytes) first, and a blank between them.';

insert into sluice.linked (pair, pipeline, key)
select distinct case when s.a <= s.b then s.a || ' ' || s.b else s.b || ' ' || s.a end, s.pipeline, s.key
from (
    select l.pipeline, l.key, (e ->> 'from') collate "C" as a, (e ->> 'to') collate "C" as b
    from sluice.ledger l cross join lateral jsonb_array_elements(l.links) e
    where l.links is not null
) s;
