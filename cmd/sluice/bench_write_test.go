//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

// BenchmarkWrite writes the same rows to the same simulator, without limits: with the program, and with a bare loop. It
// tells the client's CPU time for each row (cpu-µs/row) and how many times that of the bare loop it is (ratio).
func BenchmarkWrite(b *testing.B) {
	const rows = 100_000
	sluice, source := program(b, "sluice"), peopleCSV(b, crowd{first: rows})
	j := &job{sluice: sluice, dir: b.TempDir(), source: fmt.Sprintf("csv: { path: %q }", source), hub: startHub(b, program(b, "hubspotsim"))}
	cpu := map[string][]float64{}
	add := func(name string, d time.Duration) { cpu[name] = append(cpu[name], float64(d.Microseconds())/rows) }
	for range rounds {
		add("bare", bareLoop(b, j.hub.url, source))
		for _, state := range []string{"sqlite", "postgres"} {
			j.state = stateURL(b, state)
			report, u, err := j.run()
			if err != nil || report.Written != rows {
				b.Fatal(err, report)
			}
			add(state, u.cpu)
		}
	}
	for _, name := range []string{"bare", "sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(cpu[name]), "cpu-µs/row")
			b.ReportMetric(median(cpu[name])/median(cpu["bare"]), "ratio")
		})
	}
}

// bareLoop does what a script would: it reads the file, and posts a hundred rows at a time. It looks at nothing but the
// status of the answers, and remembers nothing. It returns the CPU time that this process took.
func bareLoop(b *testing.B, url, path string) time.Duration {
	b.Helper()
	began := processTime(b)
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	if _, err := r.Read(); err != nil {
		b.Fatal(err)
	}
	var inputs []bareInput
	for i := 0; ; i++ {
		record, err := r.Read()
		if err == nil {
			inputs = append(inputs, newBareInput(i, record))
		}
		if len(inputs) == 100 || err == io.EOF && len(inputs) > 0 {
			post(b, url, inputs)
			inputs = inputs[:0]
		}
		if err == io.EOF {
			return processTime(b) - began
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

type bareInput struct {
	Trace      string            `json:"objectWriteTraceId"`
	ID         string            `json:"id"`
	Property   string            `json:"idProperty"`
	Properties map[string]string `json:"properties"`
}

func newBareInput(i int, record []string) bareInput {
	in := bareInput{fmt.Sprintf("%032d", i), record[0], "bench_id", make(map[string]string, len(people))}
	for at, p := range people {
		in.Properties[p.property] = record[at]
	}
	return in
}

func post(b *testing.B, url string, inputs []bareInput) {
	b.Helper()
	body, err := json.Marshal(map[string]any{"inputs": inputs})
	if err != nil {
		b.Fatal(err)
	}
	request, err := http.NewRequest("POST", url+"/crm/objects/2026-09/contacts/batch/upsert", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer bench")
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode > 201 {
		b.Fatal(response.Status, err)
	}
}

// processTime returns the CPU time of this process so far.
func processTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
