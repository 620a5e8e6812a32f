package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/state"
)

// A full is a disk that takes nothing any more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestALostAnswerIsNoSuccess proves that a command whose output couldn't be written says so, and doesn't end with code 0: a
// document that a program reads would be cut off without a word.
func TestALostAnswerIsNoSuccess(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"people.csv": "id,email\n1,ann@example.com\n", "pipelines.yaml": `version: 1
connections: { crm: { hubspot: { access_token: "${HUBSPOT_ACCESS_TOKEN}" } } }
pipelines:
  people:
    source: { csv: people.csv }
    key: id
    transforms: [ map: { person_id: id, email: email } ]
    sink: { hubspot: { connection: crm, object: contacts, match: person_id } }
`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"kinds"}, {"run", "--sandbox", "--json"}, {"verify", "--sandbox"}, {"version", "--json"}} {
		var stderr bytes.Buffer
		if code := Main(args, full{}, &stderr, os.LookupEnv, nil); code != exitFailed || strings.Count(stderr.String(), "no space left") != 1 {
			t.Errorf("%q ends with code %d and says %s", args, code, &stderr)
		}
	}
}

// TestWhatIsHeldElsewhereEndsWithItsCode proves that a scheduler can tell a start that came too early from one that failed.
func TestWhatIsHeldElsewhereEndsWithItsCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{&pipeline.HeldError{Pipeline: "p"}, exitHeld},
		{pipeline.ErrFenced, exitHeld},
		{state.ErrUpgrading, exitHeld},
		{errors.New("other"), exitFailed},
	} {
		if code := exitCode(fmt.Errorf("migrate state: %w", c.err)); code != c.code {
			t.Errorf("%v ends with code %d, want %d", c.err, code, c.code)
		}
	}
}
