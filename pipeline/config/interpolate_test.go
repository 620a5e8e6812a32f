package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestInterpolation proves what references stand for, and that a value can't change the structure.
func TestInterpolation(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from a file\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ text, want string }{
		{"plain", "plain"},
		{"${A}", "one"},
		{"x${A}y${B}z", "xoneytwoz"},
		{"$A $ $5 a$", "$A $ $5 a$"},
		{"$$ $${A} $$${A}", "$ ${A} $one"},
		{"${EMPTY}", ""},
		{"${EMPTY:-default}", "default"},
		{"${UNSET:-default: {a, [b}", "default: {a, [b"},
		{"${UNSET:-}", ""},
		{"${UNSET:-${A}!}", "one!"},
		{"${A:-default}", "one"},
		{"${A:?is needed}", "one"},
		{"${STRUCTURE}", "x: 1\n- ${A} # \"'"},
		{"${file:" + file + "}", "from a file\n"},
	}
	for _, test := range tests {
		e := expansion{lookup: environment("A", "one", "B", "two", "STRUCTURE", "x: 1\n- ${A} # \"'")}
		if got := e.expand(test.text); got != test.want || len(e.problems) > 0 {
			t.Errorf("%s: got %q, want %q; %v", test.text, got, test.want, e.problems)
		}
	}
	for _, text := range []string{"${UNSET}", "${EMPTY:?is needed}", "${", "${A", "${}", "${A:+x}", "${1}", "${ A }", "${file:}", "${file:/dev/zero}", "${file:" + file + ".none}"} {
		e := expansion{lookup: environment("A", "one")}
		if e.expand(text); len(e.problems) != 1 {
			t.Errorf("%s: problems %q, want one", text, e.problems)
		}
	}
}

// TestInterpolatedTypes proves that a reference may stand for anything but text too, quoted or not.
func TestInterpolatedTypes(t *testing.T) {
	source := strings.Replace(example, "lag: 5m, page: 10", `lag: "${LAG}", page: "${N}"`, 1)
	source = strings.Replace(source, "of: 0.1", `of: "${S}"`, 1)
	spec := parse(t, source, "LAG", "90s", "N", "7", "S", "1e-3")
	c, s := spec.Pipelines[1].Source.Config.(*postgresSource), spec.Pipelines[0].Sink.Config.(*hubspotSink)
	if c.Lag != 90*time.Second || c.Page != 7 || s.MaxRejects.Of != 1e-3 {
		t.Errorf("got %+v and %+v", c, s)
	}
}

// TestSecrets proves that no interpolated value is in any diagnostic, whichever option it is the value of.
func TestSecrets(t *testing.T) {
	const value = "s3cret\"value-of-the-environment"
	for _, change := range [][2]string{
		{"{ of: 0.1 }", "\"${SECRET}\""},
		{"page: 10", "page: \"${SECRET}\""},
		{"lag: 5m", "lag: \"${SECRET}\""},
		{"connection: crm,", "connection: \"${SECRET}\","},
		{"[companies]", "[\"${SECRET}\"]"},
		{"${STATE:-sqlite:here.db}", "${SECRET}"},
		{"version: 1", "version: ${SECRET}"},
	} {
		source := strings.Replace(example, change[0], change[1], 1)
		spec, diags := Parse("pipelines.yaml", []byte(source), testKinds, environment("SECRET", value))
		if spec != nil || len(diags) == 0 {
			t.Errorf("%s: no diagnostics", change[1])
		}
		var out bytes.Buffer
		if err := diags.Print(&out, []byte(source)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "s3cret") || strings.Contains(out.String(), "environment") && strings.Contains(out.String(), "value-of") {
			t.Errorf("%s: the value is in\n%s", change[1], &out)
		}
	}
	at := parse(t, example)
	err := &ConnectionError{Name: "warehouse", Err: fmt.Errorf("can't connect to %s: no route", secret)}
	if got := at.Locate(err).Error(); got != `pipelines.yaml:6:5: connections.warehouse.postgres: can't connect to ${WAREHOUSE_URL}: no route` {
		t.Error(got)
	}
	err.Err = errors.New("can't log in as correct-horse-battery")
	if got := at.Locate(err).Error(); strings.Contains(got, "horse") {
		t.Error(got)
	}
}
