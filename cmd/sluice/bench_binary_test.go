//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkBinary builds the program on two processors with nothing built before (build-s), and without what only
// debuggers read (MiB), and starts it (version-ms).
func BenchmarkBinary(b *testing.B) {
	cold := exec.Command("go", "build", "-p", "2", "-o", filepath.Join(b.TempDir(), "sluice"), "./cmd/sluice")
	cold.Dir = repository(b)
	cold.Env = append(os.Environ(), "GOCACHE="+b.TempDir(), "GOMAXPROCS=2")
	began := time.Now()
	if out, err := cold.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	built := time.Since(began)

	stripped := program(b, "sluice", "-trimpath", "-ldflags=-s -w")
	info, err := os.Stat(stripped)
	if err != nil {
		b.Fatal(err)
	}
	var starts []float64
	for range 21 {
		began := time.Now()
		if err := exec.Command(stripped, "version").Run(); err != nil {
			b.Fatal(err)
		}
		starts = append(starts, float64(time.Since(began).Microseconds())/1000)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(built.Seconds(), "build-s")
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
	b.ReportMetric(median(starts), "version-ms")
}
