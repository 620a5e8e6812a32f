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
//	I10 after any faults and kills, the destination is as after one clean run
//
// # Files
//
// The vocabulary, which sources, transforms, sinks and states share:
//
//	value parse calendar   one value, the texts that spell it, and dates as text
//	schema row key hash    the fields of a stage; a row and where it is; its key; the hash of its content
//	source transform kind  what a source and a transform do, and how a program lists its kinds of them
//	sink linker            what a sink does: write changes, and the links between records
//	keep reader            and what it may do beside: spare what others have set, read back
//	permit holder          what a sink asks of its run: may it still send, and whose record is this
//	store digest memory    what must survive a crash; the digest of a ledger; all that is known of one key
//	sent report            properties as they were last sent; what became of the rows of a run
//	quote nearest secret   texts for people: quoted data, names that may have been meant, and secrets, which never show
//
// A run:
//
//	open                     a pipeline, each stage opened with the schema of the one before
//	run start finish         the line of a row; how a run begins, and how it ends
//	read                     batches of the source, with keys, through the transforms
//	unchanged compare        rows that need no write: by the digest, and by the ledger
//	aside                    rows that are put off, until their key is free or there are enough to be looked up together
//	resolve                  the records that rows are to be linked to
//	prepare collision        the action of each change; two rows that stand for one record
//	pack write commit        groups; their intents and their sending; what became of them
//	flights intents books    what is on its way, and whom that keeps waiting; the intents that are open; what is to be recorded
//	complete                 what is due between batches, and when the source has ended
//	failure                  what stops a run, and how long it insists on recording what has happened
//	rejectwindow masschange  what stops a run that would do harm
//
// Where a run isn't one straight line:
//
//	doubt isolate              writes without an answer, and rows that never get one
//	gone rival taken           records that people removed; two rows of one record, noticed late; values that change hands
//	link linkedrow linkmerged  links that wait, and what becomes of their rows; records at their ends that were merged
//	share relink parked        links that several rows ask for, that earlier runs have left, and that have waited too long
//	mirror archive             rows that have left the source: their links, and their records
//
// Beside runs:
//
//	plan planner                        what a run would do, and how that is found out: by a run that is rehearsed
//	rehearsal rehearsedsink newrecords  the store and the sink of a rehearsal, and the records that it makes
//	planshow planlive                   the changes that a plan shows, by what was last sent or by what is there
//	savedplan plannedrun                plans in files, and runs that write what such a plan has
//	audit finding                       reading rows and records without writing any, and what may be found
//	verify waitingslots repair          the destination compared with the ledger
//	reconcile reconcilelinks behind     the ledger compared with the destination, after a state was put back
//	explain explaindecision explainstate explanation blank  all about one key
package pipeline
