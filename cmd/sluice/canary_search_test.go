package main

import (
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // as "pgx"; "sqlite" comes with the program
)

// search reports secrets, and personal values but those that may be there.
func (c *cage) search(where, text string, may []string) {
	c.Helper()
	for name, secret := range secrets {
		for _, spelling := range spellings(secret) {
			if strings.Contains(text, spelling) {
				c.Errorf("%s: %s is there, as %q:\n%.3000s", where, name, spelling, text)
				break
			}
		}
	}
	for _, hit := range personal.FindAllString(text, -1) {
		if !slices.Contains(may, strings.ToLower(hit)) {
			c.Errorf("%s: the personal value %s is there:\n%.3000s", where, hit, text)
			return
		}
	}
}

// inspect runs every command that only looks, and searches what is left: the folder, the state, what the server saw.
func (c *cage) inspect(letters []string) {
	c.Helper()
	for _, args := range []string{"status", "status --json", "migrate"} {
		c.call(nil, args)
	}
	for _, args := range []string{"list --all", "list --json --all", "export --all", "export --all --format jsonl", "show 1 2 3 4 5 6 7 8"} {
		c.call(letters, "rejects "+args)
	}
	c.mu.Lock()
	seen := c.seen.String()
	c.mu.Unlock()
	c.search("what the server saw", seen, nil)
	c.search("the state", c.state(), letters)
	c.files(letters)
}

// files searches all files of the folder but the source's and those that a person has put a secret into. Of a state in SQLite
// only secrets are looked for in the file: what its tables hold of rows, state tells.
func (c *cage) files(letters []string) {
	c.Helper()
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || slices.Contains([]string{"people.csv", "pipelines.yaml", "token"}, entry.Name()) {
			return err
		}
		data, err := os.ReadFile(path)
		text := string(data)
		if strings.HasPrefix(entry.Name(), "state.db") {
			text = personal.ReplaceAllString(text, "")
		}
		c.search(path, text, letters)
		return err
	})
	if err != nil {
		c.Error(err)
	}
}

// state returns the text of all tables of the state, and what its byte strings hold, but for what the ledger keeps of rows.
func (c *cage) state() string {
	c.Helper()
	dsn := c.lookup("SLUICE_STATE_URL")
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return c.tables("sqlite", path, "", "select name as name from sqlite_master where type = 'table'")
	}
	return c.tables("pgx", dsn, "sluice.", "select tablename as name from pg_tables where schemaname = 'sluice'")
}

// tables returns the text of the tables that a query names.
func (c *cage) tables(driver, dsn, schema, names string) string {
	c.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		c.Fatal(err)
	}
	defer db.Close()
	if db.PingContext(c.Context()) != nil {
		return "" // there is none
	}
	var all strings.Builder
	for _, name := range c.rows(db, names) {
		for _, cell := range c.rows(db, "select * from "+schema+`"`+name[len("name="):]+`"`) {
			column, value, _ := strings.Cut(cell, "=")
			if strings.HasSuffix(name, "=ledger") && slices.Contains(kept, column) {
				continue
			}
			all.WriteString(value + "\n")
			for _, bytea := range byteaText.FindAllString(value, -1) {
				data, _ := hex.DecodeString(bytea[strings.IndexByte(bytea, 'x')+1:])
				all.Write(data)
			}
		}
	}
	return all.String()
}

// rows returns the cells of a query's rows, each as column=value.
func (c *cage) rows(db *sql.DB, query string) (cells []string) {
	c.Helper()
	rows, err := db.QueryContext(c.Context(), query)
	if err != nil {
		c.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	for rows.Next() && err == nil {
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		err = rows.Scan(dest...)
		for i, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			cells = append(cells, fmt.Sprintf("%s=%v", columns[i], v))
		}
	}
	if err = errors.Join(err, rows.Err()); err != nil {
		c.Fatal(err)
	}
	return cells
}
