package state

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lookups are the statements that look few rows up, and the number of their parameters.
var lookups = map[string]struct {
	source string
	params int
}{
	"entries": {selectEntries, 2}, "owners": {selectOwners, 2}, "records": {selectRecords, 4},
	"waiting page": {selectWaitingPage, 7}, "waiting of keys": {selectWaitingOf, 2}, "delete waiting": {deleteWaiting, 2},
	"close letters": {closeLetters, 4}, "put letters": {putLetters, 3}, "put records": {putRecords, 5}, "delete records": {deleteRecords, 6}, "touch letters": {touchLetters, 3},
	"sharers": {selectSharers, 1}, "delete linked": {deleteLinked, 4}, "close planned": {closePlanned, 3},
}

// Statements are planned once, on tables that may be empty then, and run on millions of rows: whatever the planner
// believes, each lookup is by a whole key of an index.
func TestPostgresPlansLookUpByWholeKeys(t *testing.T) {
	_, open := migrated(t)
	p := open(times).db.(*postgres)
	conn, err := p.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for name, c := range lookups {
		statement := "plan_of_" + strings.ReplaceAll(name, " ", "_")
		if _, err := conn.Exec(t.Context(), "prepare "+statement+" as "+p.d.sql(c.source)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		nulls := strings.TrimSuffix(strings.Repeat("null, ", c.params), ", ")
		rows, err := conn.Query(t.Context(), fmt.Sprintf("explain execute %s(%s)", statement, nulls))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var lines []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkPlan(t, name, strings.Join(lines, "\n"))
	}
}

var (
	tableScan = regexp.MustCompile(`Scan using (\w+)[^\n]*\n[^\n]*Index Cond: ([^\n]*)`)
	lookedUp  = map[string]string{"ledger_pkey": "key", "ledger_record": "record_id", "record_id_pkey": "value", "waiting_pkey": "key", "dead_letter_key": "key", "linked_pkey": "pair", "dead_letter_retried": "key"}
)

// once is a question that is asked once a statement, and ends with the first row that it finds.
var once = regexp.MustCompile(`InitPlan[^\n]*\n *->  Limit[^\n]*\n *->  Index Only Scan using waiting_pkey on waiting a [^\n]*\n *Index Cond: \(pipeline = \$1\)`)

// paired compares rows that were found by an index with the list that they were found by.
var paired = regexp.MustCompile(`Join Filter: (\(\(u\.record_id = ANY \(ARRAY\[i\.record_id, ''::text\]\)\) AND \(i\.value = \(u\.value\)::text\)\)|` +
	`\(\(i\.pair = \(u\.pair\)::text\) AND \(i\.key = \(u\.key\)::text\)\))`)

func checkPlan(t *testing.T, name, plan string) {
	t.Helper()
	plan = paired.ReplaceAllString(once.ReplaceAllString(plan, ""), "")
	scans := tableScan.FindAllStringSubmatch(plan, -1)
	if len(scans) == 0 || strings.Count(plan, "Scan using") != len(scans) || strings.Contains(plan, "Seq Scan on") ||
		strings.Contains(plan, "Materialize") || strings.Contains(plan, "Join Filter") {
		t.Errorf("%s isn't looked up:\n%s", name, plan)
	}
	for _, scan := range scans {
		if column := lookedUp[scan[1]]; column == "" || !strings.Contains(scan[2], column) {
			t.Errorf("%s: index %s by %s, want it by %s as well:\n%s", name, scan[1], scan[2], column, plan)
		}
	}
}

// sqliteKeyAlone is a search by nothing but a pipeline's name. The question whether anything is there at all may ask so: it ends
// with the first row.
var sqliteKeyAlone = regexp.MustCompile(`^SEARCH \w+ USING .*\(pipeline=\?\)$`)

// given is a scan of rows that the statement is given.
var given = regexp.MustCompile(`_each VIRTUAL TABLE|CONSTANT ROW|-ROW VALUES CLAUSE|SCAN \(subquery-\d+\)`)

// SQLite isn't told how many rows a table has, and may take the first column of a key for as good as another index: each lookup
// is by a whole key all the same.
func TestSQLitePlansLookUpByWholeKeys(t *testing.T) {
	s := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "state.db"), times)
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	parameter := regexp.MustCompile(`\$\d+|\?\d*`)
	for name, c := range lookups {
		for _, rows := range []int{1, mostRows} {
			source := "explain query plan " + parameter.ReplaceAllString(s.db.dialect().sized(sized{c.source, rows}), "null")
			var steps []string
			err := s.db.view(t.Context(), func(v session) error {
				return v.query(t.Context(), func(scan scan) error {
					var id, parent, unused int64
					var step string
					err := scan(&id, &parent, &unused, &step)
					steps = append(steps, step)
					return err
				}, source)
			})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for i, step := range steps {
				asked := i > 0 && strings.HasPrefix(steps[i-1], "SCALAR SUBQUERY")
				if strings.HasPrefix(step, "SCAN") && !given.MatchString(step) || sqliteKeyAlone.MatchString(step) && !asked {
					t.Errorf("%s isn't looked up:\n%s", name, strings.Join(steps, "\n"))
				}
			}
		}
	}
}
