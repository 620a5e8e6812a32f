package torture

// auditTables are the triggers: of Postgres and of SQLite.
var auditTables = map[string]string{
	"postgres": `
create schema audit;
create table audit.event (seq bigint generated always as identity primary key, at timestamptz not null default clock_timestamp(),
	kind text not null, pipeline text not null, epoch bigint not null, id text not null, data bytea);
create function audit.intend() returns trigger language plpgsql as $$ begin
	insert into audit.event (kind, pipeline, epoch, id, data) values ('intend', new.pipeline, new.epoch, new.id, new.items); return null; end $$;
create function audit.close() returns trigger language plpgsql as $$ begin
	insert into audit.event (kind, pipeline, epoch, id) values ('close', old.pipeline, old.epoch, old.id); return null; end $$;
create function audit.grant() returns trigger language plpgsql as $$ begin
	insert into audit.event (kind, pipeline, epoch, id) values ('grant', new.name, new.epoch, ''); return null; end $$;
create function audit.run() returns trigger language plpgsql as $$ begin
	insert into audit.event (kind, pipeline, epoch, id) values ('commit', new.pipeline, new.epoch, new.id::text); return null; end $$;
create function audit.checkpoint() returns trigger language plpgsql as $$ begin
	insert into audit.event (kind, pipeline, epoch, id, data) values ('checkpoint', new.pipeline, 0, '', new.position); return null; end $$;
create function audit.back() returns trigger language plpgsql as $$ begin
	insert into audit.event (kind, pipeline, epoch, id) values ('back', new.pipeline, 0, new.key); return null; end $$;
create trigger audit after insert on sluice.intent_group for each row execute function audit.intend();
create trigger audit_close after delete on sluice.intent_group for each row execute function audit.close();
create trigger audit after update on sluice.pipeline for each row when (new.epoch <> old.epoch) execute function audit.grant();
create trigger audit after update on sluice.run for each row when (new.status <> 'killed') execute function audit.run();
create trigger audit after update on sluice.progress for each row when (new.position is distinct from old.position) execute function audit.checkpoint();
create trigger audit after update on sluice.ledger for each row when (new.version < old.version) execute function audit.back();`,
	"sqlite": `
create table audit_event (seq integer primary key autoincrement, at text not null default (strftime('%Y-%m-%d %H:%M:%f', 'now')),
	kind text not null, pipeline text not null, epoch integer not null, id text not null, data blob);
create trigger audit_intend after insert on intent_group begin
	insert into audit_event (kind, pipeline, epoch, id, data) values ('intend', new.pipeline, new.epoch, new.id, new.items); end;
create trigger audit_close after delete on intent_group begin
	insert into audit_event (kind, pipeline, epoch, id) values ('close', old.pipeline, old.epoch, old.id); end;
create trigger audit_grant after update on pipeline when new.epoch <> old.epoch begin
	insert into audit_event (kind, pipeline, epoch, id) values ('grant', new.name, new.epoch, ''); end;
create trigger audit_run after update on run when new.status <> 'killed' begin
	insert into audit_event (kind, pipeline, epoch, id) values ('commit', new.pipeline, new.epoch, new.id); end;
create trigger audit_checkpoint after update on progress when new.position is not old.position begin
	insert into audit_event (kind, pipeline, epoch, id, data) values ('checkpoint', new.pipeline, 0, '', new.position); end;
create trigger audit_back after update on ledger when new.version < old.version begin
	insert into audit_event (kind, pipeline, epoch, id) values ('back', new.pipeline, 0, new.key); end;`,
}
