//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/state"
)

// BenchmarkCommits has a state in Postgres write down the intents of a batch of a hundred rows, and then commit what
// became of them, batch after batch on one connection. It tells how many batches a second that makes, and what CPU time the
// server takes for one.
func BenchmarkCommits(b *testing.B) {
	needServer(b)
	const batches = 2000
	ctx, dsn := context.Background(), stateURL(b, "postgres")
	store, err := state.Open(ctx, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	if _, _, err := store.Migrate(ctx); err != nil {
		b.Fatal(err)
	}
	resume, err := store.Start(ctx, pipeline.Begin{Pipeline: "people", Account: "hubspot portal 62515", Target: "contacts"})
	if err != nil {
		b.Fatal(err)
	}
	m := measured{}
	for round := range rounds {
		groups, commits := make([]pipeline.Group, batches), make([]pipeline.Commit, batches)
		for i := range batches {
			if groups[i], commits[i], err = batchOf(ctx, store, resume.Epoch, i, int64(round)+1); err != nil {
				b.Fatal(err)
			}
		}
		stop, began := watchServer(b, dsn), time.Now()
		for i := range batches {
			if err := errors.Join(store.Intend(ctx, groups[i]), store.Commit(ctx, commits[i])); err != nil {
				b.Fatal(err)
			}
		}
		m.add("batches/s", batches/time.Since(began).Seconds())
		m.add("server-ms/batch", float64(stop().cpu.Microseconds())/1000/batches)
	}
	b.ReportMetric(0, "ns/op")
	for name, list := range m {
		b.ReportMetric(median(list), name)
	}
}

// batchOf returns what takes a hundred keys to a version. As in a run, their entries were read before.
func batchOf(ctx context.Context, store state.Store, epoch int64, batch int, version int64) (group pipeline.Group, commit pipeline.Commit, _ error) {
	group = pipeline.Group{ID: fmt.Sprintf("%d.%d", version, batch), Pipeline: "people", Epoch: epoch, Throttle: []byte("x")}
	commit = pipeline.Commit{Pipeline: "people", Epoch: epoch, Account: "hubspot portal 62515", Closed: []string{group.ID}, Position: pipeline.Position("x"), Throttle: []byte("x")}
	keys := make([]string, 100)
	for i := range keys {
		// Keys of a batch are spread over the ledger, and its rows over the table, as those of changed rows are: each version
		// goes through them in an order of its own.
		keys[i] = fmt.Sprintf("customer-%08d", (batch*100+i)*[rounds]int{7919, 104_729, 15_485_863}[version-1]%200_000)
	}
	known, err := store.Known(ctx, "people", keys)
	if err != nil {
		return group, commit, err
	}
	for i, key := range keys {
		hash := pipeline.Hash{byte(i), byte(version)}
		group.Intents = append(group.Intents, pipeline.Intent{Key: key, Version: version, Hash: hash, Action: pipeline.Upsert, TraceID: "0123456789abcdef0123456789abcdef"})
		commit.Decisions = append(commit.Decisions, pipeline.Decision{Key: key, Version: version, Hash: hash, ID: "1" + key[9:],
			Verdict: pipeline.Done, Before: &known[i], Record: &pipeline.RecordID{Object: "contacts", Property: "bench_id", Value: key, ID: "1" + key[9:]}})
	}
	return group, commit, nil
}
