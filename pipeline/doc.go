// Package pipeline moves rows from a source, through transforms, to a sink, and remembers in a store how far it got.
//
// The way of a row is one straight line, and Run reads like it:
//
//	source → transforms → compare with the ledger → resolve links → pack → intend → write → commit
//
// A Source yields batches of rows in a stable order. Transforms change rows, one in and at most one out, without
// I/O. The engine compares each row's content hash with the ledger, so that an unchanged row costs no request; nearly all
// of them are told by a digest of the ledger that the run holds in memory, and cost no look-up either. What is left
// becomes changes. Changes are packed into groups of one action, no key twice. A group's intents are written
// down before its first byte goes out; groups are written several at a time and committed in order: outcomes,
// ledger, dead letters and checkpoint in one transaction. Links between records are written from the store's list
// of waiting links, as soon as both ends are known.
//
// A write whose answer was lost is in doubt. It is never guessed at: the engine reads back, repeats what is safe to
// repeat, waits where the first attempt may still land, and holds for review what nobody can tell.
//
// The invariants that the engine keeps are numbered in the comments of the code that enforces them:
//
//	I1  at most one live record per source key
//	I2  the newest version of every key is in the destination, or named by one open reject, review or waiting item
//	I3  read = written + unchanged + filtered + superseded + rejected + held
//	I4  versions of a key never go backwards in the destination
//	I5  every request has an earlier committed intent with the same content
//	I6  a key is in at most one undecided group, and at most once in a request
//	I7  no commit of an epoch after a later one was granted
//	I8  the checkpoint never passes an undecided row
//	I9  a second run over an unchanged source writes nothing
package pipeline
