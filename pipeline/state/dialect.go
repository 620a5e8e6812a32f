package state

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// A dialect turns the package's SQL into one database's.
//
// The SQL is what Postgres and SQLite have in common, with these macros:
//
//	sluice.t                      the table t
//	{now}                         the time, by the database's clock
//	{in:$1}                       that time plus $1 milliseconds
//	{micros:x}                    the time x in microseconds since 1970
//	{age:x}                       the microseconds since the time x
//	{time:x}                      the time that is x microseconds since 1970
//	{share}, {update}             row locks
//	{+}x                          the column x, by which alone SQLite is not to search
//	{any:$1}                      a comparison: equal to one of a list of texts
//	each(t a: condition)          the rows of t for each row that comes before in a cross join, found by an index
//	keyed(t $1 $2: condition)     a condition on t: its pipeline is $1, its key one of the list $2, found by an index
//	rows($1 r: a text, b bytea)   the rows of a JSON array of objects, as r
//	table($1 r: a text, b jsonb)  the rows of a table, as r; it is the statement's last argument, and $1 the first of its columns
//	texts($1 r)                   the texts of a list, as r(key, n), n from 1; its argument is a []string
//
// The column types are text, bigint, bool, bytea ("\x" and hexadecimal in rows) and jsonb ("" is a null in a table).
type dialect struct {
	name   string // the folder of its migrations
	tables string // tells by one boolean whether there is a table of migrations
	first  string // script that makes the table of migrations
	// lockLeases keeps runs from beginning until the transaction ends; empty where a transaction that writes does.
	lockLeases string
	fixed      *strings.Replacer
	timed      func(macro, arg string) string
	rows       func(param, alias string, columns []column) string
	table      func(first int, alias string, columns []column, rows int) string
	texts      string // what texts becomes, of $1 and the alias $2
	any        string // what any becomes, of $1
	each       string // what each becomes, of the table $1, the alias $2 and the condition $3
	keyed      string // what keyed becomes, of the table $1, the pipeline $2, the list $3 and the condition $4

	compiled sync.Map // text by sized
}

// sized is a statement, and how many rows the table has that it is given; 1 where there is none, or any number will do.
type sized struct {
	source string
	rows   int
}

type column struct{ name, kind string }

var (
	timeMacro  = regexp.MustCompile(`\{(in|micros|age|time):([^}]*)\}`)
	rowsMacro  = regexp.MustCompile(`\brows\((\$\d+) (\w+): ([^)]*)\)`)
	tableMacro = regexp.MustCompile(`\btable\(\$(\d+) (\w+): ([^)]*)\)`)
	textsMacro = regexp.MustCompile(`\btexts\((\$\d+) (\w+)\)`)
	anyMacro   = regexp.MustCompile(`\{any:(\$\d+)\}`)
	eachMacro  = regexp.MustCompile(`\beach\(([\w.]+) (\w+): ([^)]*)\)`)
	keyedMacro = regexp.MustCompile(`\bkeyed\(([\w.]+) (\$\d+) (\$\d+): ([^)]*)\)`)
)

// sql returns the statement in the dialect.
func (d *dialect) sql(source string) string { return d.sized(sized{source, 1}) }

// sized returns the statement in the dialect, for so many rows.
func (d *dialect) sized(s sized) string {
	if text, ok := d.compiled.Load(s); ok {
		return text.(string)
	}
	text := timeMacro.ReplaceAllStringFunc(s.source, func(m string) string {
		parts := timeMacro.FindStringSubmatch(m)
		return d.timed(parts[1], parts[2])
	})
	text = rowsMacro.ReplaceAllStringFunc(text, func(m string) string {
		parts := rowsMacro.FindStringSubmatch(m)
		return d.rows(parts[1], parts[2], columns(parts[3]))
	})
	text = tableMacro.ReplaceAllStringFunc(text, func(m string) string {
		parts := tableMacro.FindStringSubmatch(m)
		first, _ := strconv.Atoi(parts[1]) // digits
		return d.table(first, parts[2], columns(parts[3]), s.rows)
	})
	text = textsMacro.ReplaceAllString(text, d.texts)
	text = anyMacro.ReplaceAllString(text, d.any)
	text = eachMacro.ReplaceAllString(text, d.each)
	text = keyedMacro.ReplaceAllString(text, d.keyed)
	text = d.fixed.Replace(text)
	d.compiled.Store(s, text)
	return text
}

func columns(list string) []column {
	var out []column
	for _, c := range strings.Split(list, ",") {
		name, kind, _ := strings.Cut(strings.TrimSpace(c), " ")
		out = append(out, column{name, kind})
	}
	return out
}

// The dialects are shared by all stores of a process, so that each statement is compiled once.
var (
	postgresDialect = sync.OnceValue(newPostgresDialect)
	sqliteDialect   = sync.OnceValue(newSQLiteDialect)
)

// newPostgresDialect returns the dialect of Postgres 12 and later.
func newPostgresDialect() *dialect {
	return &dialect{
		name: "postgres",
		// Reading the catalogue, unlike to_regclass, sees what others have made while this transaction waited for a lock.
		tables: `select exists (select from pg_catalog.pg_tables where schemaname = 'sluice' and tablename = 'migration')`,
		// The schema may be there already, made for a role that may not make one itself.
		first: `
do $$ begin
	if not exists (select from pg_catalog.pg_namespace where nspname = 'sluice') then
		create schema sluice;
	end if;
end $$;
create table sluice.migration (
	version    integer primary key,
	name       text not null,
	checksum   text not null,
	applied_at timestamptz not null
);`,
		lockLeases: `lock table sluice.lease in share row exclusive mode`,
		fixed: strings.NewReplacer(
			"{now}", "clock_timestamp()", "{share}", "for share", "{update}", "for update", "{+}", ""),
		timed: func(macro, arg string) string {
			switch macro {
			case "in":
				return "clock_timestamp() + " + arg + " * interval '1 millisecond'"
			case "age":
				return "(extract(epoch from clock_timestamp() - " + arg + ") * 1000000)::bigint"
			case "time":
				return "to_timestamp(" + arg + " / 1000000.0)"
			}
			return "(extract(epoch from " + arg + ") * 1000000)::bigint"
		},
		rows: func(param, alias string, columns []column) string {
			var list []string
			for _, c := range columns {
				list = append(list, c.name+" "+c.kind)
			}
			return fmt.Sprintf("jsonb_to_recordset(%s::jsonb) as %s(%s)", param, alias, strings.Join(list, ", "))
		},
		table: postgresTable,
		texts: `unnest($1::text[]) with ordinality as $2(key, n)`,
		any:   `= any ($1::text[])`,
		// The offset keeps the planner from turning the join around: its plan is made once, while the tables are still
		// small and reading all of them costs nothing.
		each: `lateral (select * from $1 $2 where $3 offset 0) $2`,
		keyed: `ctid = any (array (select t.ctid from unnest($3::text[]) as r(key)
cross join lateral (select ctid from $1 where pipeline = $2 and key = r.key and $4 offset 0) t))`,
	}
}

// newSQLiteDialect returns the dialect of SQLite 3.51 and later.
func newSQLiteDialect() *dialect {
	const format = "'%Y-%m-%d %H:%M:%f'"
	return &dialect{
		name:   "sqlite",
		tables: `select count(*) from sqlite_master where type = 'table' and name = 'migration'`,
		first: `
create table migration (
	version    integer primary key,
	name       text not null,
	checksum   text not null,
	applied_at text not null
);`,
		fixed: strings.NewReplacer(
			"sluice.", "", "{now}", "strftime("+format+", 'now')", "{share}", "", "{update}", "", "{+}", "+"),
		timed: func(macro, arg string) string {
			switch macro {
			case "in":
				return "strftime(" + format + ", 'now', (" + arg + " / 1000.0) || ' seconds')"
			case "age":
				return "cast((unixepoch('subsec') - unixepoch(" + arg + ", 'subsec')) * 1000000 as integer)"
			case "time":
				return "strftime(" + format + ", " + arg + " / 1000000.0, 'unixepoch')"
			}
			return "cast(unixepoch(" + arg + ", 'subsec') * 1000000 as integer)"
		},
		rows: func(param, alias string, columns []column) string {
			var list []string
			for _, c := range columns {
				form := "value->>'%[1]s' as %[1]s"
				switch c.kind {
				case "bytea":
					form = "unhex(substr(value->>'%[1]s', 3)) as %[1]s"
				case "jsonb":
					form = "value->'%[1]s' as %[1]s"
				}
				list = append(list, fmt.Sprintf(form, c.name))
			}
			return fmt.Sprintf("(select %s from jsonb_each(%s)) as %s", strings.Join(list, ", "), param, alias)
		},
		table: sqliteTable,
		texts: `(select value as key, key + 1 as n from json_each($1)) as $2`,
		any:   `in (select value from json_each($1))`,
		each:  `$1 $2 on $3`,
		// The list is read only where there is anything to be found.
		keyed: `pipeline = $2 and key in (select value from json_each(
case when exists (select 1 from $1 where pipeline = $2 and $4) then $3 else '[]' end)) and $4`,
	}
}
