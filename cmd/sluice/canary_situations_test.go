package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// A situation is something that goes wrong, and how the run ends then.
type situation struct {
	name   string
	stores string // "sqlite postgres" where the state plays a part
	set    func(*cage)
	exit   int
	says   string   // part of the output, so that it is certain that the situation was there
	also   []string // values that dead letters may name besides those that offend everywhere
}

const bothStores = "sqlite postgres"

// writes tells whether a request writes records.
func writes(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/contacts/batch/upsert") || strings.HasSuffix(r.URL.Path, "/contacts/batch/create")
}

// answering answers requests that write with an error.
func answering(status int, category, message string) func(*cage) {
	return func(c *cage) {
		c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			return writes(r) && say(w, status, category, message)
		}
	}
}

// quoting is what HubSpot may say of rows: values of several columns.
const quoting = `Property values were not valid: "qzemail1x@example.com", QZPHONE1X, qznone`

var situations = []situation{
	{name: "rows that are rejected", stores: bothStores, set: func(*cage) {}, exit: exitRejects, says: `"rejected":6`},
	{name: "an answer that is lost", stores: bothStores, set: func(c *cage) {
		var n atomic.Int64
		c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			if !writes(r) || n.Add(1) > 1 {
				return false
			}
			c.portal.ServeHTTP(nowhere{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		}
	}, exit: exitRejects, says: "no usable answer"},
	{name: "a server error that quotes", set: func(c *cage) {
		var n atomic.Int64
		c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			return writes(r) && n.Add(1) == 1 && say(w, 500, "INTERNAL_ERROR", quoting+canary)
		}
	}, exit: exitRejects, says: "no usable answer"},
	{name: "a batch that is refused and quotes", set: answering(400, "VALIDATION_ERROR", quoting), exit: exitRejects, says: `"rejected":7`, also: []string{"qzphone1x"}},
	{name: "a create that is refused and quotes", set: func(c *cage) {
		c.edit("match: person_id", "mode: create")
		answering(400, "VALIDATION_ERROR", quoting)(c)
	}, exit: exitRejects, says: "held for review", also: []string{"qzphone1x"}},
	{name: "a property that isn't there any more", stores: bothStores, set: func(c *cage) {
		c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			return writes(r) && say(w, 400, "VALIDATION_ERROR", `Property values were not valid: [{"isValid":false,"message":"Property \"fax\" does not exist","error":"PROPERTY_DOESNT_EXIST","name":"fax"},`+
				`{"isValid":false,"message":"qzphone1x is no phone","error":"INVALID_PHONE","name":"phone"}]`)
		}
	}, exit: exitFailed, says: "does not exist"},
	{name: "a conflict that quotes", set: answering(409, "CONFLICT", "Contact already exists. Existing ID: 7, with qzemail1x@example.com"), exit: exitRejects},
	{name: "scopes that quote", set: answering(403, "MISSING_SCOPES", "not for qzphone1x and "+canary), exit: exitFailed, says: "403"},
	{name: "a token that is refused, and repeated", set: answering(401, "INVALID_AUTHENTICATION", "the token "+canary+" of qzemail1x@example.com is no good"), exit: exitFailed, says: "access_token"},
	{name: "a redirect with everything in it", set: func(c *cage) {
		c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			if writes(r) {
				http.Redirect(w, r, "http://127.0.0.1:1/?t="+canary+"&v=qzphone1x", http.StatusTemporaryRedirect)
			}
			return writes(r)
		}
	}, exit: exitFailed, says: "base_url"},
	{name: "a token with a line break", set: func(c *cage) { c.setenv("HUBSPOT_ACCESS_TOKEN", canary+"\nx") }, exit: exitInput, says: "control characters"},
	{name: "a token from a file", set: func(c *cage) {
		c.write("token", canary+"\n")
		c.edit("${HUBSPOT_ACCESS_TOKEN}", "${file:token}")
	}, exit: exitRejects, says: `"rejected":6`},
	{name: "a file that isn't there", set: func(c *cage) { c.edit("${HUBSPOT_ACCESS_TOKEN}", "${file:tokens}") }, exit: exitInput, says: "no such file"},
	{name: "oauth", stores: bothStores, set: func(c *cage) { c.oauth(true) }, exit: exitRejects, says: `"rejected":6`},
	{name: "oauth that is refused, and repeated", set: func(c *cage) { c.oauth(false) }, exit: exitFailed, says: "authorize it again"},
	{name: "a source that is Postgres", stores: bothStores, set: func(c *cage) { c.warehouse("select * from people") }, exit: exitRejects, says: `"rejected":4`},
	{name: "a query that fails at a value", set: func(c *cage) {
		c.warehouse("select p.*, nullif(p.phone, 'qzphone1x')::int as n from people p where true")
		c.edit("person_id: id,", "person_id: id, annualrevenue: n,")
	}, exit: exitFailed, says: "invalid input syntax"},
	{name: "a quote that isn't closed", set: func(c *cage) {
		c.write("people.csv", persons()+`8,"qzemail8x@example.com,qzphone8x`)
	}, exit: -2, also: []string{"qzemail8x", "qzphone8x"}},
	{name: "a proxy with a password", set: func(c *cage) {
		c.setenv("HTTPS_PROXY", "http://user:"+secrets["the proxy's password"]+"@127.0.0.1:1")
		c.setenv("HTTP_PROXY", "http://user:"+secrets["the proxy's password"]+"@127.0.0.1:1")
		c.setenv("HUBSPOT_BASE_URL", "https://api.hubapi.example")
	}, exit: exitFailed, says: "proxyconnect"},
	{name: "an interrupt", stores: bothStores, set: signalled(syscall.SIGINT), exit: -2},
	{name: "a kill", stores: bothStores, set: signalled(syscall.SIGKILL), exit: -1},
	{name: "a dump of all goroutines", stores: bothStores, set: func(c *cage) {
		c.setenv("GOTRACEBACK", "system")
		signalled(syscall.SIGQUIT)(c)
	}, exit: 2, says: "goroutine 1"},
}

// TestNothingLeaks proves that no secret gets into any output, file, table or URL (I12), whatever goes wrong, and that values
// of rows don't either: but for those that a dead letter names because they are why a row was rejected, and those only in
// the dead letters. Everything is logged that can be, as JSON and as text.
func TestNothingLeaks(t *testing.T) {
	for _, s := range situations {
		for store := range strings.FieldsSeq(s.stores + " " + map[bool]string{true: "sqlite"}[s.stores == ""]) {
			t.Run(s.name+"/"+store, func(t *testing.T) {
				t.Parallel()
				c := newCage(t, store)
				s.set(c)
				output, code := c.run(nil, "sluice", "run", "-v", "--json", "--log-format", "json")
				if s.exit != -2 && code != s.exit || !strings.Contains(output, s.says) {
					t.Errorf("exit code %d, want %d and %q:\n%s", code, s.exit, s.says, output)
				}
				c.inspect(slices.Concat(offending, s.also))
				c.calm()
				c.run(nil, "sluice", "validate", "--online", "-v")
				c.call(nil, "rejects retry")
				c.run(nil, "sluice", "run", "-v")
				c.run(nil, "sluice", "verify", "-v", "--json")
				c.run(nil, "sluice", "reconcile", "-v")
				c.inspect(slices.Concat(offending, s.also))
			})
		}
	}
}

// TestPanicsLeakNothing proves the same of panics: of a worker in the middle of a request, which ends the run, and of the
// program itself, with the stacks of all goroutines.
func TestPanicsLeakNothing(t *testing.T) {
	for at, exit := range map[string]int{"contacts/batch/": exitFailed, "msg=end": 2} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			c := newCage(t, "sqlite")
			c.setenv("GOTRACEBACK", "all")
			c.setenv("PANIC_AT", at)
			output, code := c.run(nil, "sluicepanics", "run", "-v")
			if code != exit || !strings.Contains(output, "panic: ") || !strings.Contains(output, "goroutine ") {
				t.Errorf("exit code %d, want %d:\n%s", code, exit, output)
			}
			c.inspect(offending)
		})
	}
}

// TestVerifyNamesWhatDiffers proves that of all values, verify shows the two that differ, to whom asks for them, and nothing else.
func TestVerifyNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	c := newCage(t, "sqlite")
	c.run(nil, "sluice", "run", "-v")
	record, ok := c.portal.Find("contacts", "person_id", "1")
	if !ok {
		t.Fatal("nothing was written")
	}
	if _, err := c.portal.Edit(hubspottest.Edit{Action: "update", Object: "contacts", ID: record.ID, Properties: map[string]string{"phone": "qzphone9x"}}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"verify", "-v"}, {"verify", "--json"}} {
		output, code := c.run([]string{"qzphone1x", "qzphone9x"}, "sluice", args...)
		if code != exitRejects || !strings.Contains(output, "qzphone9x") {
			t.Errorf("%q: exit code %d:\n%s", args, code, output)
		}
	}
	c.run([]string{"qzphone1x", "qzphone9x"}, "sluice", "verify", "--repair", "--log-format", "json")
	c.inspect(offending)
}

// TestTheSearchFindsWhatThereIs proves that the tests above would see a leak: what may be in the dead letters is found there,
// and each spelling of a secret is found.
func TestTheSearchFindsWhatThereIs(t *testing.T) {
	for _, store := range strings.Fields(bothStores) {
		c := newCage(t, store)
		c.run(nil, "sluice", "run")
		output, _ := c.call(offending, "rejects list")
		for _, value := range offending[:3] {
			if !strings.Contains(output, value) || store == "postgres" && !strings.Contains(c.state(), value) {
				t.Errorf("%s: the dead letters don't name %s:\n%s", store, value, output)
			}
		}
	}
	for name, secret := range secrets {
		for _, spelling := range spellings(secret) {
			silent := &cage{T: &testing.T{}}
			if silent.search("", "x"+spelling+"y", nil); !silent.Failed() {
				t.Errorf("%s isn't found as %q", name, spelling)
			}
		}
	}
}

// oauth has the pipeline use an OAuth app, whose tokens are given out, or refused with all that was sent.
func (c *cage) oauth(granted bool) {
	c.Helper()
	c.setenv("CLIENT_SECRET", secrets["the oauth client secret"])
	c.setenv("REFRESH_TOKEN", secrets["the oauth refresh token"])
	c.edit(`access_token: "${HUBSPOT_ACCESS_TOKEN}"`, `oauth: { client_id: app, client_secret: "${CLIENT_SECRET}", refresh_token: "${REFRESH_TOKEN}" }`)
	c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/oauth/") {
			return false
		}
		_ = r.ParseForm()
		if !granted {
			return say(w, 400, "BAD_REFRESH_TOKEN", r.PostForm.Get("client_secret")+" and "+r.PostForm.Get("refresh_token"))
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": secrets["the oauth access token"], "refresh_token": r.PostForm.Get("refresh_token"), "expires_in": 1800, "token_type": "bearer"})
		return true
	}
}

// nowhere is where an answer goes that is lost.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// signalled sends the program a signal at its first write, which is carried out.
func signalled(signal syscall.Signal) func(*cage) {
	return func(c *cage) {
		var n atomic.Int64
		c.meddle = func(w http.ResponseWriter, r *http.Request) bool {
			if writes(r) && n.Add(1) == 1 {
				f := c.flight()
				_ = f.process.Signal(signal)
				if signal != syscall.SIGINT {
					<-f.died
				}
			}
			return false
		}
	}
}
