package state

import (
	"fmt"
	"testing"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
)

// filled returns a run on a ledger of n keys.
func filled(b *testing.B, url string, n int) *played {
	s, err := Open(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if _, _, err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	r, err := s.Start(b.Context(), pipeline.Begin{Pipeline: "p", Account: account})
	if err != nil {
		b.Fatal(err)
	}
	run := &played{t: b, s: s.(*store), Resume: r, name: "p"}
	for from := 0; from < n; from += 1000 {
		if err := run.try(pipeline.Commit{Decisions: decisions(keys(from, 1000), 1)}); err != nil {
			b.Fatal(err)
		}
	}
	return run
}

func keys(from, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("customer-%08d", from+i)
	}
	return list
}

func decisions(keys []string, version int64) []pipeline.Decision {
	list := make([]pipeline.Decision, len(keys))
	for i, key := range keys {
		list[i] = done(key, version, hash(byte(i)), "1"+key[9:])
		list[i].Sent = pipeline.SentOf(map[string]string{"email": key + "@example.com", "firstname": "First", "lastname": "Last", "company": "Company, Inc.", "city": "Springfield",
			"phone": "+1 555 0100", "website": "example.com", "notes": "Said \"call me\", about the renewal", "amount": "12.50", "updated": fmt.Sprint(version)})
		list[i].Record = &pipeline.RecordID{Object: "contacts", Property: "email", Value: key, ID: list[i].ID}
	}
	return list
}

// The hot path of an unchanged source: 1,000 keys a call.
func BenchmarkKnown(b *testing.B) {
	const size = 100_000
	onBackends(b, func(b *testing.B, url string) {
		r := filled(b, url, size)
		b.ResetTimer()
		for i := 0; b.Loop(); i++ {
			list, err := r.s.Known(b.Context(), "p", keys(i%100*1000, 1000))
			if err != nil || list[999].Version == 0 {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/key")
	})
}

// What a run reads before it looks at rows: the digest of all keys, as commits have left it.
func BenchmarkDigest(b *testing.B) {
	const size = 100_000
	onBackends(b, func(b *testing.B, url string) {
		r := filled(b, url, size)
		b.ResetTimer()
		for b.Loop() {
			table := digest.NewTable(size)
			_, err := r.s.Digest(b.Context(), "p", r.Epoch, func(packed []byte) error {
				for key, content := range digest.Entries(packed) {
					table.Put(key, content)
				}
				return nil
			})
			if err != nil || table.Len() != size {
				b.Fatal(err, table.Len())
			}
			table.Close()
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/key")
	})
}

// An intent and a commit of 100 rows each, as for one request.
func BenchmarkIntendAndCommit(b *testing.B) {
	onBackends(b, func(b *testing.B, url string) {
		r := filled(b, url, 20_000)
		b.ResetTimer()
		for i := 0; b.Loop(); i++ {
			rows := decisions(keys(i%200*100, 100), int64(i/200+2))
			g := pipeline.Group{ID: fmt.Sprint(i), Pipeline: "p", Epoch: r.Epoch, Throttle: []byte("x")}
			for _, d := range rows {
				g.Intents = append(g.Intents, pipeline.Intent{Key: d.Key, Version: d.Version, Hash: d.Hash, Action: pipeline.Upsert, TraceID: "0123456789abcdef0123456789abcdef"})
			}
			if err := r.s.Intend(b.Context(), g); err != nil {
				b.Fatal(err)
			}
			if err := r.try(pipeline.Commit{Decisions: rows, Closed: []string{g.ID}, Position: pipeline.Position("x"), Throttle: []byte("x")}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func onBackends(b *testing.B, bench func(b *testing.B, url string)) {
	for _, backend := range backends {
		b.Run(backend.name, func(b *testing.B) { bench(b, backend.url(b)) })
	}
}
