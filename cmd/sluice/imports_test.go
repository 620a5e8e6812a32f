package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// importRules say who may import what, and why. A package is meant by its path below the module, or by a prefix that
// ends with a slash.
var importRules = []struct {
	imported string   // module path or prefix
	only     []string // packages that may import it; empty means nobody of those below
	not      []string // packages that may not
	why      string
}{
	{imported: "github.com/apache/arrow-go/", only: []string{"sluice/sources/parquet/"}, why: "Arrow is how Parquet is read, not how the program thinks"},
	{imported: "gopkg.in/yaml.v3", only: []string{"sluice/pipeline/config/"}, why: "one place knows YAML"},
	{imported: "github.com/jackc/pgx/", only: []string{"sluice/pipeline/state/", "sluice/sources/postgres/"}, why: "a source and the state talk to Postgres, nobody else"},
	{imported: "modernc.org/sqlite", only: []string{"sluice/pipeline/state/"}, why: "only the state is kept in SQLite"},
	{imported: "github.com/sourcegraph/conc/", only: []string{"sluice/pipeline/", "sluice/sinks/hubspot"}, not: []string{"sluice/pipeline/config/"}, why: "concurrency lives in one place, but for several requests of one look-up"},
	{imported: "github.com/expr-lang/expr", only: []string{"sluice/transforms/internal/expression/"}, why: "expressions have one meaning"},
	{imported: "net/http", not: []string{"sluice/pipeline/", "sluice/transforms/", "sluice/sources/"}, why: "only the sink talks to HubSpot"},
	{imported: "sluice/sources/", not: []string{"sluice/pipeline/", "sluice/transforms/", "sluice/sinks/"}, why: "kinds meet only in cmd"},
	{imported: "sluice/transforms/", not: []string{"sluice/pipeline/", "sluice/sources/", "sluice/sinks/"}, why: "kinds meet only in cmd"},
	{imported: "sluice/sinks/", not: []string{"sluice/pipeline/", "sluice/sources/", "sluice/transforms/"}, why: "kinds meet only in cmd"},
	{imported: "sluice/sinks/hubspot/hubspottest", not: []string{"sluice/sinks/hubspot", "sluice/sinks/hubspot/internal/"}, why: "what is tested doesn't know its test"},
	{imported: "sluice/cmd/", not: []string{"sluice/pipeline/", "sluice/sources/", "sluice/transforms/", "sluice/sinks/"}, why: "a library doesn't know the program"},
}

// ownImports are packages that import, of modules, at most these.
var ownImports = []struct {
	pkg  string
	only []string
	why  string
}{
	{"sluice/pipeline", []string{"github.com/sourcegraph/conc", "github.com/zeebo/xxh3", "sluice/pipeline/failpoint", "sluice/pipeline/internal/digest"},
		"it is the vocabulary that all others speak; failpoints are nothing in a usual build, and every row is hashed: SHA-256 takes eight times as long"},
	{"sluice/sinks/hubspot/hubspottest", nil, "a fake that shares the client's types shares its mistakes"},
	{"sluice/cmd/hubspotsim", []string{"sluice/sinks/hubspot/hubspottest"}, "a fake that shares the client's types shares its mistakes"},
	{"sluice/sinks/hubspot/internal/crm", []string{"golang.org/x/oauth2", "sluice/pipeline/failpoint"}, "the wire knows nothing of rows; failpoints are nothing in a usual build"},
	{"sluice/pipeline/failpoint", nil, "everything may name a failpoint"},
}

func TestImportsFollowTheHouseRules(t *testing.T) {
	imports := listImports(t)
	for pkg, list := range imports {
		for _, imported := range list {
			for _, rule := range importRules {
				if !within(imported, rule.imported) || within(pkg, strings.TrimSuffix(rule.imported, "/")+"/") {
					continue
				}
				if rule.only != nil && !slices.ContainsFunc(rule.only, func(p string) bool { return within(pkg, p) }) {
					t.Errorf("%s imports %s, which only %q may: %s", pkg, imported, rule.only, rule.why)
				}
				if slices.ContainsFunc(rule.not, func(p string) bool { return within(pkg, p) }) {
					t.Errorf("%s imports %s: %s", pkg, imported, rule.why)
				}
			}
		}
	}
	for _, rule := range ownImports {
		list, ok := imports[rule.pkg]
		if !ok {
			t.Errorf("there is no package %s", rule.pkg)
		}
		for _, imported := range list {
			standard := !strings.Contains(strings.Split(imported, "/")[0], ".") && !strings.HasPrefix(imported, "sluice/")
			if !standard && !slices.ContainsFunc(rule.only, func(p string) bool { return within(imported, p) || strings.HasPrefix(imported, p+"/") }) {
				t.Errorf("%s imports %s: %s", rule.pkg, imported, rule.why)
			}
		}
	}
	for pkg := range imports {
		for _, name := range []string{"util", "utils", "common", "helper", "helpers", "misc", "manager"} {
			if strings.HasSuffix(pkg, "/"+name) {
				t.Errorf("%s: a package is named after what it is about", pkg)
			}
		}
	}
}

// within tells whether a package is the named one, or below it if the name ends with a slash.
func within(pkg, name string) bool {
	if dir, ok := strings.CutSuffix(name, "/"); ok {
		return pkg == dir || strings.HasPrefix(pkg, name)
	}
	return pkg == name
}

// listImports returns what each package of the module imports, its tests apart.
func listImports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "sluice/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imports := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		imports[fields[0]] = fields[1:]
	}
	return imports
}
