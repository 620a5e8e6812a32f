package main

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"sluice/pipeline/state/pgtest"
)

// warehouse has the pipeline read a query of a Postgres that holds the people, but for the row that lacks a field.
func (c *cage) warehouse(query string) {
	c.Helper()
	dsn := pgtest.Database(c.T)
	rows := strings.Split(strings.TrimSpace(persons()), "\n")
	var values []string
	for _, row := range rows[1:] {
		if cells := strings.Split(row, ","); len(cells) == len(personalColumns)+1 && cells[0] != "" {
			values = append(values, "('"+strings.Join(cells, "','")+"')")
		}
	}
	pgtest.Exec(c.T, dsn, "create table people ("+strings.ReplaceAll(rows[0], ",", " text,")+" text)", "insert into people values "+strings.Join(values, ","), "analyze people")
	c.setenv("WAREHOUSE_URL", withPassword(c.T, dsn, secrets["the source's password"]))
	c.edit("csv: { path: people.csv }", `postgres: { connection: warehouse, query: "`+query+`", key: id, page: 1 }`)
}

// TestConnectionStringsLeakNothing proves that no connection string, however wrong it is, brings its password into what is
// said of it: for the state and for a source, as URL and as key=value, in every command that connects.
func TestConnectionStringsLeakNothing(t *testing.T) {
	refusing := refusingPostgres(t)
	for i, dsn := range []string{
		"postgres://u:PASS@127.0.0.1:1/db",
		"postgres://u:PASS@" + refusing + "/db?sslmode=disable",
		"postgresql://" + refusing + "/db?sslmode=disable&user=u&password=PASS",
		"postgres://u:PASS@127.0.0.1:1/db?sslmode=nonsense",
		"postgres://u:PASS@127.0.0.1:port/db",
		"postgres://u:PASS@[::1/db",
		"postgres://u:PASS@host%zz/db",
		"postgres://u:PASS%zz@127.0.0.1/db",
		"postgres://u:PASS#@127.0.0.1/db",
		"postgres://u:RAW@127.0.0.1:1/db",
		"postgres://127.0.0.1:1/db?user=u&password=PASS&connect_timeout=x",
		"postgres://127.0.0.1:1/db?pool_max_conns=x&password=PASS",
		"postgres://u:PASS@127.0.0.1:1/db?sslrootcert=/nowhere/ca.pem&sslmode=verify-full",
		"postgres://u:PASS@127.0.0.1:1,127.0.0.1:2/db?target_session_attrs=x",
		"host=127.0.0.1 port=1 user=u password=PASS dbname=db",
		"host=127.0.0.1 port=1 user=u password='RAWQ' dbname=db",
		"host=127.0.0.1 port=x password=PASS",
		"host=127.0.0.1 password='PASS",
		"host=127.0.0.1 port=1 password = PASS user",
		"password=PASS host",
		"u:PASS@127.0.0.1:1/db",
		"//u:PASS@127.0.0.1:1/db",
		"mysql://u:PASS@127.0.0.1:1/db",
		"postgres:/u:PASS@127.0.0.1:1/db",
		"PASS",
		"PASS://x",
	} {
		for _, where := range []string{"SLUICE_STATE_URL", "WAREHOUSE_URL"} {
			t.Run(where+strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				c := newCage(t, "sqlite")
				secret := secrets["the state's password"]
				if where == "WAREHOUSE_URL" {
					secret = secrets["the source's password"]
					c.edit("csv: { path: people.csv }", "postgres: { connection: warehouse, table: people }")
				}
				c.setenv(where, spelled(dsn, secret))
				for _, args := range []string{"run -v --json", "validate --online -v", "status", "migrate", "rejects list"} {
					output, code := c.call(nil, args)
					connects := where == "SLUICE_STATE_URL" && args != "validate --online -v" || args == "run -v --json" || args == "validate --online -v" && where == "WAREHOUSE_URL"
					if connects && code != exitFailed && code != exitInput {
						t.Errorf("%s: %s: exit code %d:\n%s", dsn, args, code, output)
					}
				}
				c.files(nil)
			})
		}
	}
}

// spelled puts a password into a connection string: percent-encoded where it says PASS, as it is where it says RAW.
func spelled(dsn, password string) string {
	var encoded strings.Builder
	for _, b := range []byte(password) {
		if 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' {
			encoded.WriteByte(b)
		} else {
			const digits = "0123456789ABCDEF"
			encoded.Write([]byte{'%', digits[b>>4], digits[b&15]})
		}
	}
	return strings.NewReplacer("RAWQ", strings.ReplaceAll(password, "'", `\'`), "RAW", password, "PASS", encoded.String()).Replace(dsn)
}

// refusingPostgres returns the address of a Postgres that asks for the password and refuses it.
func refusingPostgres(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go refusePassword(conn)
		}
	}()
	return l.Addr().String()
}

// refusePassword speaks Postgres's protocol as far as an AuthenticationCleartextPassword and an ErrorResponse.
func refusePassword(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 4096)
	if _, err := conn.Read(buf); err != nil { // the startup message
		return
	}
	if _, err := conn.Write([]byte{'R', 0, 0, 0, 8, 0, 0, 0, 3}); err != nil {
		return
	}
	n, err := conn.Read(buf) // the password
	if err != nil {
		return
	}
	said := "SFATAL\x00C28P01\x00Mpassword authentication failed for user \"u\" with \"" + strings.TrimRight(string(buf[min(5, n):n]), "\x00") + "\"\x00\x00"
	_, _ = conn.Write(append([]byte{'E', 0, 0, byte((len(said) + 4) >> 8), byte(len(said) + 4)}, said...))
}

// TestMistakesInTheFileLeakNothing proves that a secret in the wrong place, by its variable or as it is, isn't repeated by what
// is said of the mistake.
func TestMistakesInTheFileLeakNothing(t *testing.T) {
	literal := secrets["a token written in the file"]
	for i, change := range [][2]string{
		{"timeout: 1s", "timeout: ${HUBSPOT_ACCESS_TOKEN}"},
		{"timeout: 1s", "timeout: 1s, api_version: ${HUBSPOT_ACCESS_TOKEN}"},
		{`base_url: "${HUBSPOT_BASE_URL}"`, "base_url: ${HUBSPOT_ACCESS_TOKEN}"},
		{`base_url: "${HUBSPOT_BASE_URL}"`, "base_url: https://${HUBSPOT_ACCESS_TOKEN}@x"},
		{`base_url: "${HUBSPOT_BASE_URL}"`, "base_url: http://x/${HUBSPOT_ACCESS_TOKEN}"},
		{"key: id", "key: ${HUBSPOT_ACCESS_TOKEN}"},
		{"path: people.csv", "path: ${HUBSPOT_ACCESS_TOKEN}"},
		{"match: person_id", "match: ${HUBSPOT_ACCESS_TOKEN}"},
		{"match: person_id", "match: person_id, mode: ${HUBSPOT_ACCESS_TOKEN}"},
		{"object: contacts", "object: ${HUBSPOT_ACCESS_TOKEN}"},
		{"connection: crm", "connection: ${HUBSPOT_ACCESS_TOKEN}"},
		{"int(grade)", "int(grade) + ${HUBSPOT_ACCESS_TOKEN}"},
		{"version: 1", "version: ${HUBSPOT_ACCESS_TOKEN}"},
		{"access_token: \"${HUBSPOT_ACCESS_TOKEN}\"", "acces_token: " + literal},
		{"access_token: \"${HUBSPOT_ACCESS_TOKEN}\"", "access_token: " + literal + ", timeout: x"},
		{"access_token: \"${HUBSPOT_ACCESS_TOKEN}\"", "access_token: '" + literal + "', base_url: 7"},
		{"access_token: \"${HUBSPOT_ACCESS_TOKEN}\"", "oauth: { client_id: x, client_secret: " + literal + ", refresh_tokn: " + literal + " }"},
		{"access_token: \"${HUBSPOT_ACCESS_TOKEN}\"", "access_token: [" + literal + "]"},
		{"access_token: \"${HUBSPOT_ACCESS_TOKEN}\"", "access_token: { " + literal + ": 1 }"},
		{"version: 1", "version: 1\ntoken: " + literal},
		{"version: 1", "version: 1\n" + literal},
		{"state: ", "state: postgres://u:" + literal + "@h/db\nstate: "},
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			c := newCage(t, "sqlite")
			c.edit(change[0], change[1])
			for _, args := range []string{"validate -v", "validate --online", "run -v --json", "status", "rejects list"} {
				c.call(nil, args)
			}
			if _, code := c.call(nil, "run"); code == exitDone || code == exitRejects {
				t.Errorf("exit code %d: %s is no mistake", code, change[1])
			}
			c.files(nil)
		})
	}
}
