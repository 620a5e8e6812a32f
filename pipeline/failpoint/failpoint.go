// Package failpoint names the places where a test may make the program fail: on both sides of everything that lasts or
// that others see. A program that is built as usual has none of it: At and Reach do nothing, and cost nothing.
//
// With the build tag failpoint, the environment of the process says what happens where:
//
//	SLUICE_FAILPOINTS     name=action[@n], separated by commas: at the n-th time that the point is reached, or each time
//	SLUICE_FAILPOINT_LOG  a file that gets a line "name n" each time a point is reached, before anything happens there
//
// The actions are kill (SIGKILL to the process itself), error (what is done there fails), hang (for ever), pause
// (SIGSTOP, until somebody sends SIGCONT) and panic.
package failpoint

// A Point is a place where the program may be made to fail.
type Point struct {
	Name string
	Doc  string // what has just happened, or is about to
}

// Names lists all points, by the way of a row. A test compares it with the code.
var Names = []Point{
	{"db.op", "a statement or transaction of the state is about to run"},
	{"http.op", "a request is about to be sent"},
	{"file.op", "a file of a source is about to be opened"},

	{"migrate.before", "a migration is about to be applied"},
	{"migrate.after", "migrations were applied"},
	{"lease.take.before", "a run is about to ask for its lease"},
	{"lease.take.after", "a run has its lease, and a new epoch"},
	{"lease.renew.before", "a lease is about to be renewed"},
	{"lease.renew.after", "a lease was renewed"},
	{"lease.release", "a lease is about to be given back"},

	{"recall.after", "the doubts of earlier processes are on the list"},
	{"catchup.before", "links that an earlier run has left waiting are about to be written"},
	{"catchup.after", "links that an earlier run has left waiting were written"},

	{"source.open", "the source is about to be read from a position"},
	{"source.page", "a batch of the source was read"},
	{"source.end", "the source was read to its end"},
	{"transform.after", "a batch went through the transforms"},
	{"compare.before", "rows are about to be compared with the ledger"},
	{"compare.after", "rows were compared with the ledger"},
	{"resolve.before", "links of rows are about to be looked up"},
	{"find.before", "records are about to be looked up in the destination"},
	{"find.after", "records were looked up in the destination"},
	{"batch.formed", "a group of changes is complete"},

	{"intend.before", "intents are about to be written down"},
	{"intend.after", "intents are certainly written down"},
	{"tx.commit.before", "a transaction of the state is about to be committed"},
	{"tx.commit.after", "a transaction of the state was committed, and its answer hasn't been looked at"},
	{"permit.after", "a request may be sent, and waits for nothing any more"},
	{"send.before", "a request is about to be sent"},
	{"send.after", "the head of an answer has come"},
	{"answer.read", "an answer was read to its end"},
	{"token.before", "an access token is about to be asked for"},
	{"token.after", "an access token was given"},
	{"bisect.before", "a refused request is about to be taken apart"},
	{"write.after", "what became of a group's changes is known, as far as the answer tells"},

	{"commit.before", "outcomes are about to be committed"},
	{"commit.after", "outcomes were committed"},
	{"checkpoint.after", "outcomes were committed together with a checkpoint"},

	{"settle.before", "what became of changes in doubt is about to be read back"},
	{"settle.after", "what became of changes in doubt was read back"},
	{"resend.before", "a change is about to be sent once more"},
	{"hold.before", "a create that nobody can tell of is about to be held for review"},
	{"giveup.before", "a row that gets no usable answer, alone as well, is about to be rejected"},

	{"link.intend.before", "what links are about to be is about to be written down"},
	{"link.intend.after", "what links are about to be was written down"},
	{"link.write.after", "links were written, and what became of them isn't recorded"},
	{"link.commit.after", "what became of links was recorded"},
	{"mirror.before", "something may have left the source, and is about to be looked for"},
	{"mirror.page", "keys that have left the source are about to be looked for"},
	{"archive.before", "records of rows that have left the source are about to be archived"},
	{"mirror.after", "records of rows that have left the source were archived, and their links are marked for removal"},

	{"drain.before", "a run that was asked to stop is about to finish what is in flight"},
	{"drain.after", "a run that was asked to stop has finished what was in flight"},
	{"finish.before", "a run is about to end in the state"},
	{"finish.after", "a run has ended in the state"},
}
