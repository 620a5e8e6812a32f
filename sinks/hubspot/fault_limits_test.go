package hubspot

import (
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

// revokedToken: from any request on, the token is unknown. The run stops at once, and nothing is lost.
func revokedToken(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t, hubspottest.Options{})
		w.people(crowd(250))
		revoked := false
		w.at(n, "", func() {
			w.portal.SetToken(hubspottest.Token{Value: "token", Expires: time.Unix(1, 0)})
			revoked = true
		})
		if _, err := w.run(); !revoked {
			if err != nil || n < 5 {
				t.Errorf("the run had %d requests, and ended with %v", n-1, err)
			}
			return
		} else if err == nil || !strings.Contains(err.Error(), "access_token") && !strings.Contains(err.Error(), "access token") {
			t.Errorf("revoked before request %d: %v", n, err)
		}
		if refused := w.portal.Stats().Statuses[401]; refused > 9 {
			t.Errorf("revoked before request %d: %d requests were refused", n, refused)
		}
		if list := w.letters(); len(list) > 0 {
			t.Errorf("rows are rejected for it: %v", list)
		}
		w.portal.SetToken(hubspottest.Token{Value: "token"})
		w.settled()
		w.has(crowd(250))
	}
}

const oauthFile = `access_token: token`

// expiredToken: an OAuth token that ends in the middle is renewed once; a grant that was revoked stops the run.
func expiredToken(t *testing.T) {
	w := newWorld(t, hubspottest.Options{OAuth: hubspottest.OAuth{TTL: 10 * time.Minute}})
	w.spec = strings.Replace(w.spec, oauthFile, `oauth: { client_id: a, client_secret: b, refresh_token: c }`, 1)
	w.people(crowd(500))
	w.faults(hubspottest.Fault{Kind: "expire", Path: writes, Skip: 1, Count: 1})
	w.well()
	w.has(crowd(500))
	if n := w.requests("oauth"); n != 2 {
		t.Errorf("%d tokens were asked for, want one and one more", n)
	}
	w.settled()

	list := crowd(900)
	w.people(list)
	w.at(2, "/batch/upsert", func() {
		w.faults(hubspottest.Fault{Kind: "expire", Path: "contacts"}, hubspottest.Fault{Path: "oauth", Status: 400, Body: `{"status":"BAD_REFRESH_TOKEN","message":"missing or unknown refresh token"}`})
	})
	w.stops(nil, "authorize it again")
	w.settled()
	w.has(list)
}

// missingScope: the app may no longer write. The run stops, names the scope, and doesn't go on asking.
func missingScope(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(2000))
	w.at(3, "/batch/upsert", func() {
		w.portal.SetToken(hubspottest.Token{Value: "token", Scopes: []string{"crm.objects.contacts.read", "crm.schemas.contacts.read"}})
	})
	w.stops(nil, "crm.objects.contacts.write")
	if n := w.portal.Stats().Statuses[403]; n > writesAtOnce {
		t.Errorf("%d requests were refused", n)
	}
	if list := w.letters(); len(list) > 0 {
		t.Errorf("rows are rejected for it: %v", list)
	}
	w.portal.SetToken(hubspottest.Token{Value: "token"})
	w.settled()
	w.has(crowd(2000))
}

// burst: never a request too many while we are alone; and where another app uses the limit up, its window is waited out.
func burst(t *testing.T) {
	for _, enabled := range []bool{true, false} {
		w := newWorld(t, hubspottest.Options{Limits: hubspottest.Limits{Enabled: enabled, Burst: 20}})
		w.people(crowd(2000))
		if !enabled {
			w.faults(hubspottest.Fault{Status: 429, Path: writes, Skip: 4, For: 25 * time.Second, Count: 1})
		}
		began := time.Now()
		report := w.well()
		if n := w.portal.Stats().Limited; n > 0 {
			t.Errorf("%d requests were over the limit", n)
		}
		if took := time.Since(began); took < 5*time.Second || took > 3*time.Minute || report.Rejected != 0 {
			t.Errorf("took %v: %+v", took, report)
		}
		w.has(crowd(2000))
		w.settled()
	}
}

// noon is at noon of a day in a zone.
func noon(t *testing.T, zone, day string) time.Time {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" 12:00", place)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// dailyQuota: the day's last request is spent. The run pauses until midnight where the account is, on days of 23, 24 and 25
// hours, and on days that have no midnight; the lease is free, and at that time, not before, the next run goes on.
func dailyQuota(t *testing.T) {
	for _, test := range []struct {
		zone, day string
		hours     float64 // from noon to the next day's first moment
	}{
		{"Pacific/Apia", "2011-12-29", 12}, // the 30th was left out
		{"UTC", "2026-03-01", 12},
		{"America/New_York", "2026-03-07", 12}, // before a day of 23 hours
		{"Europe/Berlin", "2026-03-29", 12},    // on one
		{"Australia/Lord_Howe", "2026-04-05", 12},
		{"Africa/Cairo", "2026-04-23", 12}, // the 24th begins at one o'clock
		{"Asia/Kathmandu", "2026-06-01", 12},
		{"America/Santiago", "2026-09-05", 12}, // the 6th begins at one o'clock
		{"Europe/Berlin", "2026-10-25", 12},    // a day of 25 hours
		{"America/Havana", "2026-10-31", 12},   // the first hour of the 1st comes twice
	} {
		at := noon(t, test.zone, test.day)
		time.Sleep(time.Until(at.Add(-time.Minute)))
		w := newWorld(t, hubspottest.Options{TimeZone: test.zone, Limits: hubspottest.Limits{Enabled: true, Daily: 12}})
		time.Sleep(time.Until(at))
		w.people(crowd(1200))
		for day := 0; ; day++ {
			report, err := w.run()
			if err == nil {
				break
			}
			if report.Status != "paused" || day > 9 {
				t.Fatalf("%s: %+v, %v", test.zone, report, err)
			}
			until := pausedUntil(t, err)
			if day == 0 && until.Sub(at).Hours() != test.hours {
				t.Errorf("%s %s: paused %v after noon, want %v hours (%v)", test.zone, test.day, until.Sub(at), test.hours, until)
			}
			if day == 0 {
				if _, err := w.run(); err == nil { // nothing has changed yet
					t.Errorf("%s: a run before midnight ended well", test.zone)
				}
			}
			time.Sleep(time.Until(until))
		}
		w.has(crowd(1200))
		if n := w.letters(); len(n) > 0 {
			t.Errorf("%s: %v", test.zone, n)
		}
	}
}

func pausedUntil(t *testing.T, err error) time.Time {
	t.Helper()
	_, rest, _ := strings.Cut(err.Error(), "until ")
	text, _, _ := strings.Cut(rest, ": ")
	until, bad := time.Parse(time.RFC3339, text)
	if bad != nil {
		t.Fatalf("%v doesn't say until when", err)
	}
	return until
}

// migration: HubSpot moves the account. A minute is waited for, a day isn't.
func migration(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(300))
	w.faults(hubspottest.Fault{Status: 477, RetryAfter: 60, Skip: 4, Count: 2})
	w.well()
	list := crowd(900)
	w.people(list)
	w.faults(hubspottest.Fault{Status: 477, RetryAfter: 86_400, Path: "contacts", Skip: 3, For: 24 * time.Hour, Count: 1})
	began := time.Now()
	_, err := w.run()
	if until := pausedUntil(t, err); until.Sub(began) < 24*time.Hour-time.Minute || until.Sub(began) > 25*time.Hour {
		t.Errorf("paused for %v", until.Sub(began))
	}
	w.stops(pipeline.ErrPaused)
	time.Sleep(25 * time.Hour)
	w.settled()
	w.has(list)
}

// locked: rows are locked by other work for two seconds. That isn't their fault.
func locked(t *testing.T) {
	w := newWorld(t, hubspottest.Options{})
	w.people(crowd(300))
	w.faults(hubspottest.Fault{Kind: "lock", Path: writes, Count: 3})
	began := time.Now()
	report := w.well()
	if took := time.Since(began); report.Rejected != 0 || took < 2*time.Second || took > 30*time.Second {
		t.Errorf("took %v: %+v", took, report)
	}
	w.has(crowd(300))
	w.settled()
}
