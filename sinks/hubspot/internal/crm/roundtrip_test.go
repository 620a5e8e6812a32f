//go:build unix

package crm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkRoundTrip sends batches of 100 records, one after the other, to a server in a process of its own, and reads its
// answers: with this package, and with encoding/json on maps. It tells the CPU time of this process for a batch.
func BenchmarkRoundTrip(b *testing.B) {
	url, inputs := startAnswerer(b), sample()
	client, err := New(Config{BaseURL: url, AccessToken: testToken})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.Run("client", func(b *testing.B) {
		perBatch(b, func() (int, error) {
			answer, err := client.BatchUpsert(b.Context(), "contacts", inputs)
			if err != nil {
				return 0, err
			}
			return len(answer.Results), nil
		})
	})
	b.Run("encoding_json_maps", func(b *testing.B) { perBatch(b, func() (int, error) { return upsertWithMaps(url, inputs) }) })
}

func perBatch(b *testing.B, write func() (results int, err error)) {
	before := processTime(b)
	for b.Loop() {
		if n, err := write(); err != nil || n != 100 {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(processTime(b)-before)/float64(b.N)/1000, "cpu-µs/batch")
}

// processTime returns the CPU time of this process in nanoseconds.
func processTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func upsertWithMaps(url string, inputs []Input) (results int, err error) {
	body, err := marshalMaps(inputs)
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequest("POST", url+"/crm/objects/2026-09/contacts/batch/upsert", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+testToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	var answer map[string]any
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, err
	}
	list, _ := answer["results"].([]any)
	return len(list), nil
}

// startAnswerer starts that server in a process of its own, and returns its URL.
func startAnswerer(b *testing.B) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), answererVariable+"=1")
	said, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	url, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		b.Fatal(fmt.Errorf("the server: %w", err))
	}
	return strings.TrimSpace(url)
}
