// Package state keeps what a pipeline must not forget: checkpoint, ledger, intents, dead letters, runs and the lease.
//
// There is one implementation of the store's logic over two databases: Postgres, for production and wherever several
// processes are involved, and an embedded SQLite file, for one machine. SQL is written once, in a common dialect (see
// dialect); what differs lies in postgres*.go and sqlite*.go: connections, commits whose answer is lost, and the lock that
// shows that a process is alive.
//
// # Transactions
//
// Every method that writes is one transaction. It begins by checking the run's epoch under a shared row lock, which a
// later Start must wait for: no commit of an epoch follows the grant of the next one (I7). A transaction is repeated
// where the connection was lost, also during COMMIT; each is written so that repeating one that was made changes
// nothing. Rows are locked in the order lease, pipeline, progress, others.
//
// # Digest
//
// Beside the ledger, which people can query, stands a digest of it for runs, 16 bytes a key (see pipeline.Digester). Whoever
// changes the ledger by hand need not know of it: triggers see to it that the next run makes it again. Code that changes what
// makes a row unchanged, and the row's number of the commit with it, has to add to the digest in the same transaction.
//
// # Grants
//
// In Postgres all names live in the schema "sluice". Migrate needs a role that may create that schema, or that owns it.
// A role that only runs pipelines, on tables that another role has migrated, needs no more than
//
//	grant usage on schema sluice to r;
//	grant select, insert, update, delete on all tables in schema sluice to r;
//
// and for status and rejects list alone: usage on the schema and select on its tables. Identity columns need no grant of
// their own. Behind a connection pooler everything works but in statement mode (see postgres_pooler.go), but only the lease's
// 60 seconds tell that its holder is gone.
package state
