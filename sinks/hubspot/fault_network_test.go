package hubspot

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sluice/sinks/hubspot/hubspottest"
)

// writes is the path of what makes or changes contacts.
const writes = "contacts/batch/(create|upsert|update)$"

// refusedConnection: a server that was never there ends the run soon, one that goes away for a while is waited for; in
// both cases it is known that nothing was done, so that nothing has to be read back.
func refusedConnection(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(3000))
	w.wires.refuse(true)
	began := time.Now()
	w.stops(nil, "connection refused", "check base_url")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("a server that was never there was waited for %v", took)
	}
	w.wires.refuse(false)
	w.server.SetKeepAlivesEnabled(false) // each request needs a connection of its own
	w.at(3, "/batch/upsert", func() {
		w.wires.refuse(true)
		time.AfterFunc(time.Minute, func() { w.wires.refuse(false) })
	})
	began = time.Now()
	w.well()
	if took := time.Since(began); took < time.Minute || took > 2*time.Minute {
		t.Errorf("a server that was away for a minute was waited for %v", took)
	}
	w.has(crowd(3000))
	if n := w.requests("/batch/read"); n > 0 {
		t.Errorf("%d requests read back what was never sent", n)
	}
	w.settled()
}

// sentInPart: wherever a request breaks off, its rows are written once.
func sentInPart(t *testing.T) {
	for n := int64(1); n < 12_000; n = n*3 + 7 {
		w := newWorld(t, hubspottest.Options{})
		w.people(crowd(60))
		w.at(1, "/batch/upsert", func() { w.at(0, "", nil) })
		w.wires.cutAfter(2000 + n) // behind what is read before
		w.well()
		w.has(crowd(60))
		w.settled()
	}
}

// appliedUnheard: every write is carried out and no answer to one is heard.
func appliedUnheard(t *testing.T) {
	for _, mode := range []string{"create", "upsert"} {
		w := newWorld(t, hubspottest.Options{})
		w.spec = strings.Replace(w.spec, "match:", "mode: "+mode+", match:", 1)
		w.people(crowd(250))
		w.faults(hubspottest.Fault{Kind: "reset", After: true, Path: "contacts/batch/(create|upsert)$"})
		w.well()
		w.has(crowd(250))
		if n := w.portal.Stats().Writes["contacts create"]; n != 250 {
			t.Errorf("%s: %d records were made of 250 rows", mode, n)
		}
		w.settled()
	}
}

// neverHeard: not even repeating helps. The run gives up, says so, and the next one ends it.
func neverHeard(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(250))
	w.faults(hubspottest.Fault{Kind: "reset", After: true, Path: writes})
	w.stops(nil, "settled by the next run")
	if n := w.portal.Count("contacts"); n != 250 {
		t.Errorf("there are %d contacts", n)
	}
	w.settled()
	w.has(crowd(250))
}

// notApplied: an answer that may mean anything, to a request without effect. It is sent again only once it can no longer land.
func notApplied(t *testing.T) {
	for _, kind := range []hubspottest.Fault{{Status: 502}, {Status: 500}, {Kind: "reset"}} {
		w := newWorld(t, hubspottest.Options{})
		w.people(crowd(100))
		kind.Path, kind.Count = writes, 1
		w.faults(kind)
		began := time.Now()
		w.well()
		if took := time.Since(began); took < 40*time.Second || took > 2*time.Minute {
			t.Errorf("%+v: took %v; the first attempt may land within 40 s", kind, took)
		}
		w.has(crowd(100))
		w.settled()
	}
}

// partlyApplied: some rows of every batch are written, and the answer is an error.
func partlyApplied(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(300))
	w.faults(hubspottest.Fault{Kind: "partial", Path: writes, Count: 3})
	w.well()
	w.has(crowd(300))
	if n := w.portal.Stats().Writes["contacts create"]; n != 300 {
		t.Errorf("%d records were made of 300 rows", n)
	}
	w.settled()
}

// lateApply: HubSpot carries a request out after its answer was given up. A newer version of the row waits for that, so
// that the older one doesn't come last.
func lateApply(t *testing.T) {
	for _, delay := range []time.Duration{0, time.Second, 20 * time.Second, 39 * time.Second} {
		w := newWorld(t, hubspottest.Options{})
		list := crowd(1100)
		newer := list[3]
		newer.name = "Newer"
		w.people(append(list, newer))
		w.faults(hubspottest.Fault{Kind: "late", Delay: delay, Path: writes, Count: 1})
		report := w.well()
		if report.Superseded != 0 || report.Written != 1101 {
			t.Errorf("after %v: %+v", delay, report)
		}
		time.Sleep(time.Minute)
		list[3] = newer
		w.has(list)
		w.people(list) // with both of them in the source, each run writes the one and then the other
		w.settled()
		w.has(list)
	}
}

// uselessAnswers: a success that can't be read is no success. It is read back; the body is bounded.
func uselessAnswers(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 48 {
		_, _ = z.Write(bytes.Repeat([]byte{' '}, 1<<20)) // a buffer takes everything
	}
	z.Close()
	for name, spoil := range map[string]func(http.ResponseWriter, *httptest.ResponseRecorder){
		"garbage":       saying("\x00\xff{{{"),
		"a list":        saying("[]"),
		"wrong types":   saying(`{"status":7,"results":{"id":1}}`),
		"deep":          saying(strings.Repeat("[", 100_000)),
		"other results": saying(`{"status":"COMPLETE","results":[{"id":"1"},{"id":"2"}]}`),
		"no results":    saying(`{"status":"COMPLETE","results":[]}`),
		"a null":        saying("null"),
		"gzip bomb": func(rw http.ResponseWriter, _ *httptest.ResponseRecorder) {
			rw.Header().Set("Content-Encoding", "gzip")
			_, _ = rw.Write(bomb.Bytes())
		},
		"broken gzip": func(rw http.ResponseWriter, _ *httptest.ResponseRecorder) {
			rw.Header().Set("Content-Encoding", "gzip")
			_, _ = rw.Write([]byte("not at all"))
		},
		"endless": func(rw http.ResponseWriter, _ *httptest.ResponseRecorder) {
			for blanks := bytes.Repeat([]byte{' '}, 1<<20); ; {
				if _, err := rw.Write(blanks); err != nil {
					return
				}
			}
		},
	} {
		w := newWorld(t, hubspottest.Options{})
		w.people(crowd(150))
		w.spoils(1, spoil)
		w.well()
		w.has(crowd(150))
		if n := w.portal.Stats().Writes["contacts create"]; n != 150 {
			t.Errorf("%s: %d records were made of 150 rows", name, n)
		}
		w.settled()
	}
	for _, kind := range []string{"truncate", "cut", "html", "empty", "huge", "no_errors", "omit"} {
		w := newWorld(t, hubspottest.Options{})
		w.people(crowd(150))
		w.faults(hubspottest.Fault{Kind: kind, Path: writes, Count: 1})
		w.well()
		w.has(crowd(150))
		w.settled()
	}
}

// saying answers 200 with a text.
func saying(body string) func(http.ResponseWriter, *httptest.ResponseRecorder) {
	return func(rw http.ResponseWriter, _ *httptest.ResponseRecorder) { fmt.Fprint(rw, body) }
}

// slowLoris: an answer that comes byte by byte is given up after the request's whole time.
func slowLoris(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(100))
	w.faults(hubspottest.Fault{Kind: "drip", Delay: time.Second, Path: writes, Count: 1})
	began := time.Now()
	w.well()
	if took := time.Since(began); took < 30*time.Second || took > 2*time.Minute {
		t.Errorf("took %v, with 30 s for a request", took)
	}
	w.has(crowd(100))
	w.settled()
}

// storm: for half an hour nothing gets an answer but errors. The run says so again and again and gives up in time, and the
// next run ends it. A shorter storm is sat out.
func storm(t *testing.T) {
	const rows = 2500
	for _, length := range []time.Duration{90 * time.Second, 30 * time.Minute} {
		for _, status := range []int{503} {
			w := newWorld(t, hubspottest.Options{})
			w.people(crowd(rows))
			w.faults(hubspottest.Fault{Status: status, Skip: 12, For: length, Count: 1})
			began := time.Now()
			report, err := w.run()
			took := time.Since(began)
			if long := w.log.silence(began, time.Now()); long > 95*time.Second {
				t.Errorf("%d for %v: not a word for %v", status, length, long)
			}
			if length < 2*time.Minute {
				if err != nil {
					t.Errorf("%d for %v: ended with %v after %v", status, length, err, took)
				}
			} else if err == nil || took > 20*time.Minute {
				t.Errorf("%d for %v: ended with %v after %v", status, length, err, took)
			} else if report.Held == 0 {
				t.Errorf("%d: nothing is in doubt: %+v", status, report)
			}
			time.Sleep(length)
			w.settled()
			w.has(crowd(rows))
		}
	}
}
