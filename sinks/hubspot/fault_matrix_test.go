package hubspot

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
)

// A fault is one row of the failure model: how the program is to behave is said by the scenarios that it names.
type fault struct {
	what      string
	here      []scenario
	elsewhere []string // tests of other packages: folder and name
	not       string   // why it doesn't apply, or what is left out
}

// A scenario is played in virtual time, with everything real but the network: engine, SQLite state, sources, sink,
// simulator.
type scenario struct {
	name string
	play func(*testing.T)
}

// failureModel is what can go wrong, F1 to F54, and what proves that it goes right nevertheless.
var failureModel = map[int]fault{
	1: {what: "crash while the source is read", elsewhere: []string{"torture TestKillSweep", "pipeline TestFaultsAndKillsEndAsOneCleanRun"}},
	2: {what: "a row with a lower cursor is committed late", elsewhere: []string{"sources/postgres TestLateCommits"}},
	3: {what: "equal cursor values across a page", elsewhere: []string{"sources/postgres TestSuiteCursor"}},
	4: {what: "the source's connection is dropped", elsewhere: []string{"sources/postgres TestTerminatedBackend", "sources/postgres TestGoneForGood"}},
	5: {what: "rows are deleted in the source", here: []scenario{{"changed file", changedFile}}},
	6: {what: "a file changes between runs or during one", here: []scenario{{"changed file", changedFile}}, elsewhere: []string{"sources/csv TestChangedWhileRead", "sources/csv TestStaleFiles", "sources/parquet TestReplacedFile"}},
	7: {what: "a file is cut short or damaged", elsewhere: []string{"sources/parquet TestDamage", "sources/csv TestBadCompression"}},
	8: {what: "a Parquet file is a bomb", elsewhere: []string{"sources/parquet TestForgedRowCounts", "sources/parquet TestPageMemory"},
		not: "files are decoded in process, with bounds of our own before the decoder: there is no child process"},
	9:  {what: "columns change", here: []scenario{{"drift", drift}}},
	10: {what: "an expression fails or is slow", elsewhere: []string{"transforms/internal/expression TestRowErrors", "pipeline TestAPanicInACommitEndsTheRun"}},
	11: {what: "keys are missing, empty or too long", here: []scenario{{"bad keys", badKeys}}},
	12: {what: "keys that are one to HubSpot", here: []scenario{{"folded keys", foldedKeys}}},
	13: {what: "keys are repeated", here: []scenario{{"repeated keys", repeatedKeys}}},
	14: {what: "crash while a batch is formed", elsewhere: []string{"torture TestKillSweep"}},
	15: {what: "crash before intents are committed", elsewhere: []string{"torture TestKillSweep"}},
	16: {what: "the COMMIT of intents has no answer", elsewhere: []string{"torture TestNetwork", "pipeline/state TestLostCommits"}},
	17: {what: "crash between intents and request", elsewhere: []string{"torture TestKillSweep"}},
	18: {what: "HubSpot can't be reached", here: []scenario{{"refused connection", refusedConnection}}, elsewhere: []string{"sinks/hubspot/internal/crm TestServersAreVerified"}},
	19: {what: "a request is sent in part", here: []scenario{{"sent in part", sentInPart}}},
	20: {what: "carried out, answer lost", here: []scenario{{"every answer lost", appliedUnheard}, {"never heard", neverHeard}, {"archiving", archivedUnheard}, {"mirror", mirrorUnheard}, {"archiving refused", archivingRefused}}},
	21: {what: "not carried out, answer lost", here: []scenario{{"not applied", notApplied}}},
	22: {what: "carried out in part, then an error", here: []scenario{{"partly applied", partlyApplied}}},
	23: {what: "carried out late", here: []scenario{{"late", lateApply}}},
	24: {what: "answers that can't be read", here: []scenario{{"useless answers", uselessAnswers}, {"requests with one record", toxicRecord}}},
	25: {what: "an answer byte by byte", here: []scenario{{"slow loris", slowLoris}}},
	26: {what: "a 207 of any shape", here: []scenario{{"answer shapes", answerShapes}, {"policies of silent records", silentPolicies}, {"doubts about silent records", silentDoubts}, {"silent records that leave", silentLeavers}, {"looking up silent records", silentLooks}}, elsewhere: []string{"sinks/hubspot TestSilentLinkReads"}},
	27: {what: "HubSpot changes values", here: []scenario{{"coerced", coerced}}, elsewhere: []string{"sinks/hubspot TestWarnings"}},
	28: {what: "a whole request is refused for a row", here: []scenario{{"poison", poison}}, elsewhere: []string{"sinks/hubspot TestPoison"}},
	29: {what: "the token ends or is revoked", here: []scenario{{"revoked token", revokedToken}, {"expired token", expiredToken}}},
	30: {what: "a scope is taken away", here: []scenario{{"missing scope", missingScope}}},
	31: {what: "a property is deleted", here: []scenario{{"deleted property", deletedProperty}}},
	32: {what: "another record has the unique value", here: []scenario{{"conflicts", conflicts}, {"conflicts with other rows", conflictsWithRows}, {"values handed over", handedOver}}},
	33: {what: "records are locked", here: []scenario{{"locked", locked}}},
	34: {what: "the limit of ten seconds", here: []scenario{{"burst", burst}}},
	35: {what: "the limit of a day", here: []scenario{{"daily quota", dailyQuota}}},
	36: {what: "the account is moved", here: []scenario{{"migration", migration}}},
	37: {what: "only errors for half an hour", here: []scenario{{"storm", storm}}},
	38: {what: "outcomes can't be committed", elsewhere: []string{"torture TestNthOperationFails", "torture TestNetwork", "pipeline TestFaultsAndKillsEndAsOneCleanRun"}},
	39: {what: "Postgres restarts", elsewhere: []string{"torture TestNetwork", "pipeline/state TestHolderReconnects", "pipeline/state TestTakeoverWhenTheSessionIsGone"}, not: "no server is restarted: its connections are cut and reset"},
	40: {what: "the state fails over to a server that lags", elsewhere: []string{"pipeline/state TestAStateInAnotherPlaceIsNoticed"}, not: "no replica is promoted: the same is seen from a state that was put back"},
	41: {what: "an old state is put back", elsewhere: []string{"pipeline/state TestAStateThatWasPutBackIsNoticed"}},
	42: {what: "two processes start at once", elsewhere: []string{"torture TestSecondRun", "pipeline/state TestManyStartsAtOnce"}},
	43: {what: "the holder is paused and wakes up", elsewhere: []string{"torture TestSleeper", "pipeline/state TestTakeoverWhenTheLeaseHasEnded"}},
	44: {what: "a pooler takes the session's lock away", elsewhere: []string{"pipeline/state TestTakeoverWhenTheLeaseHasEnded", "pipeline/state TestSettingsBehindAPooler"}},
	45: {what: "clocks differ and jump", here: []scenario{{"clocks", clocks}}, elsewhere: []string{"pipeline/state TestKeep"}, not: "our own clock is monotonic where it counts, and can't be made to jump in one process"},
	46: {what: "a key in several batches at once", here: []scenario{{"repeated keys", repeatedKeys}}, elsewhere: []string{"pipeline TestFaultsAndKillsEndAsOneCleanRun"}},
	47: {what: "a link's target isn't there yet", here: []scenario{{"targets", targets}}, elsewhere: []string{"pipeline TestKilledLinkRunsEndAsOneCleanRun"}},
	48: {what: "records are merged", here: []scenario{{"merged", merged}}},
	49: {what: "records are archived or deleted for privacy", here: []scenario{{"gone", goneRecords}}},
	50: {what: "a person edits a value", here: []scenario{{"edited", edited}}},
	51: {what: "the disk is full", elsewhere: []string{"torture TestNthOperationFails"}, not: "no disk is filled: each operation of the database is made to fail in turn; what can't be written of a log is dropped by log/slog"},
	52: {what: "SIGTERM", here: []scenario{{"interrupted", interrupted}}, elsewhere: []string{"cmd/sluice TestKilled", "pipeline TestDrainStopsReadingAndKeepsWhatWasRead"}},
	53: {what: "SIGKILL, out of memory, power loss", elsewhere: []string{"torture TestRandomKills", "cmd/sluice TestKilled", "pipeline/state TestSessionsHaveSettings"}, not: "no power is cut: that COMMIT waits for the disk is the database's promise, and we don't turn it off"},
	54: {what: "the configuration changes", here: []scenario{{"other mapping", otherMapping}}},
}

// TestFailureModel plays every scenario of the failure model.
func TestFailureModel(t *testing.T) {
	played := map[string]bool{}
	for n := 1; n <= 54; n++ {
		for _, s := range failureModel[n].here {
			if !played[s.name] {
				played[s.name] = true
				t.Run(fmt.Sprintf("F%d %s", n, s.name), func(t *testing.T) { inBubble(t, s.play) })
			}
		}
	}
}

// inBubble plays in virtual time.
func inBubble(t *testing.T, play func(*testing.T)) {
	forgetChannels()
	defer forgetChannels()
	synctest.Test(t, play)
}

// forgetChannels makes conc forget the channels that it keeps for reuse, which belong to the bubble that made them: what is in
// a pool is gone after two collections.
func forgetChannels() {
	runtime.GC()
	runtime.GC()
}

// TestFailureModelIsWhole proves that every fault is either played here or has tests elsewhere, and that these exist.
func TestFailureModelIsWhole(t *testing.T) {
	for n := 1; n <= 54; n++ {
		f, ok := failureModel[n]
		if !ok || f.what == "" || len(f.here)+len(f.elsewhere) == 0 {
			t.Errorf("F%d: there is no proof", n)
		}
		for _, name := range f.elsewhere {
			if !exists(t, name) {
				t.Errorf("F%d: there is no test %s", n, name)
			}
		}
	}
	if len(failureModel) != 54 {
		t.Errorf("there are %d faults", len(failureModel))
	}
}

// exists tells whether a folder of the module has a test of that name.
func exists(t *testing.T, test string) bool {
	t.Helper()
	dir, name, _ := strings.Cut(test, " ")
	files, err := filepath.Glob(filepath.Join("..", "..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t ") {
			return true
		}
	}
	return false
}
