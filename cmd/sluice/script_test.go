package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// canary is the access token of every script. It must not turn up in any output or file (I12).
const canary = "pat-na1-c0ffee00-canary-of-a-secret"

// quickExit has programs that are built with the race detector end when they do: by default each sleeps for a second, for
// races that might come late.
const quickExit = "atexit_sleep_ms=10"

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sluice":     main,
		"hubspotsim": func() { os.Exit(hubspottest.Main(os.Args[1:], os.Stdout, os.Stderr)) },
		"sluicepanics": func() {
			os.Exit(Main(os.Args[1:], os.Stdout, panicking{os.Getenv("PANIC_AT")}, os.LookupEnv, nil))
		},
	})
}

// panicking is a stream that panics when it is to write a text.
type panicking struct{ text string }

func (p panicking) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(p.text)) {
		panic("the stream is broken")
	}
	return os.Stderr.Write(b)
}

// TestScript runs the scripts of testdata/script: the command line as people and schedulers use it. The commands that
// scripts have beside testscript's own are described where they are defined.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join(repository(t), "testdata", "script"),
		Setup:              setUp,
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"books":     books,
			"asplanned": asPlanned,
			"timeless":  timeless,
			"replace":   replace,
			"damage":    damage,
			"sim":       startSim,
			"simstop":   stopSim,
			"simtls":    serveTLS,
			"records":   countRecords,
			"links":     countLinks,
			"mark":      markWrites,
			"wrote":     wrote,
			"await":     await,
			"hold":      holdRequest,
			"held":      awaitHeld,
			"letgo":     letGo,
			"unique":    uniqueKeys,
			"record":    oneRecord,
			"linked":    linkedPair,
			"property":  makeProperty,
			"label":     makeLabel,
			"associate": associate,
			"fault":     setFaults,
			"struck":    struck,
			"switch":    setSwitches,
			"edit":      editRecord,
			"database":  makeDatabase,
			"sql":       execSQL,
		},
	})
}

// repository returns the folder of the repository.
func repository(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// setUp gives a script the folder of the repository as $REPO, a home of its own, and the access token. When the script has
// ended, none of its files may hold the token.
func setUp(env *testscript.Env) error {
	t := env.T().(testing.TB)
	env.Setenv("REPO", repository(t))
	env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
	env.Setenv("HUBSPOT_ACCESS_TOKEN", canary)
	env.Setenv("GORACE", quickExit)
	env.Values[simKey{}] = &simulator{t: t}
	env.Defer(func() { searchFiles(t, env.WorkDir) })
	return nil
}

func searchFiles(t testing.TB, dir string) {
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(canary)) {
			t.Errorf("%s holds the access token", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// exits CODE COMMAND… runs the command and checks its exit code. Its output must not hold the access token.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if strings.Contains(ts.ReadFile("stdout")+ts.ReadFile("stderr"), canary) {
		ts.Fatalf("the output holds the access token")
	}
}

// books [PIPELINE.FIELD=VALUE…] reads the document of run --json from stdout, checks that every row read is accounted
// for, and the named fields.
func books(ts *testscript.TestScript, neg bool, args []string) {
	var doc struct {
		Pipelines []pipeline.Report `json:"pipelines"`
	}
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	decoder.DisallowUnknownFields()
	ts.Check(decoder.Decode(&doc))
	fields := map[string]any{}
	for _, r := range doc.Pipelines {
		ts.Check(r.Balance())
		line, err := json.Marshal(r)
		ts.Check(err)
		values := map[string]any{}
		ts.Check(json.Unmarshal(line, &values))
		for name, value := range values {
			fields[r.Name+"."+name] = value
		}
	}
	for _, arg := range args {
		name, want, _ := strings.Cut(arg, "=")
		value, ok := fields[name]
		if !ok {
			ts.Fatalf("no field %s: there are %s", name, strings.Join(slices.Sorted(maps.Keys(fields)), " "))
		}
		if got := text(value); got != want == !neg {
			ts.Fatalf("%s is %s, want %s", name, got, want)
		}
	}
}

// text writes a value of a JSON document as people do.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	data, _ := json.Marshal(value)
	return string(data)
}

// replace FILE OLD NEW [TIMES] replaces what occurs once in a file, by TIMES times NEW. OLD and NEW may hold Go escapes.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: replace file old new [times]")
	}
	file, before := ts.MkAbs(args[0]), ts.ReadFile(args[0])
	old, with, times := unescape(ts, args[1]), unescape(ts, args[2]), 1
	if len(args) > 3 {
		n, err := strconv.Atoi(args[3])
		ts.Check(err)
		times = n
	}
	if n := strings.Count(before, old); n != 1 {
		ts.Fatalf("%q occurs %d times in %s", old, n, args[0])
	}
	ts.Check(os.WriteFile(file, []byte(strings.Replace(before, old, strings.Repeat(with, times), 1)), 0o600))
}

func unescape(ts *testscript.TestScript, text string) string {
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
	ts.Check(err)
	return s
}

// damage FILE BYTES cuts so many bytes off the end of a file.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: damage file bytes")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	data := ts.ReadFile(args[0])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(data[:len(data)-n]), 0o600))
}
