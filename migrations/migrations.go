// Package migrations holds the numbered SQL files that make and upgrade the state's tables: one line of them for
// Postgres and one for SQLite. A file that was released is never changed; see package state for how they are applied.
package migrations

import "embed"

// Files holds postgres/NNN_name.sql and sqlite/NNN_name.sql, numbered from 001 without a gap.
//
//go:embed postgres/*.sql sqlite/*.sql
var Files embed.FS
