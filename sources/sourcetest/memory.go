package sourcetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sluice/pipeline"
)

// checkBreak: breaking out of the loop leaves neither a goroutine nor an open file behind, and the source can be
// read again.
func checkBreak(t testing.TB, open openFunc) {
	warm, done := start(t, open) // connection pools and the like are filled before the count
	all := readAll(t, warm, nil)
	done()
	before := goleak.IgnoreCurrent()
	files := openFiles()

	src, done := start(t, open)
	for range 2 {
		if r := read(t.Context(), t, src, nil, 1); r.err != nil {
			t.Fatalf("read one batch: %v", r.err)
		}
	}
	r := readAll(t, src, nil)
	same(t, "rows read after a break", all.rows, r.rows)
	same(t, "rejects read after a break", all.rejects, r.rejects)
	read(t.Context(), t, src, nil, 1)
	done()
	if err := goleak.Find(before); err != nil {
		t.Errorf("breaking out of the loop: %v", err)
	}
	for name, n := range openFiles() {
		if n > files[name] {
			t.Errorf("breaking out of the loop left the file %s open", name)
		}
	}
}

// openFiles counts the files that this process has open, where the operating system tells.
func openFiles() map[string]int {
	names := map[string]int{}
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if name, err := os.Readlink(fd); err == nil && strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "/dev/") && !strings.HasPrefix(name, "/proc/") {
			names[name]++
		}
	}
	return names
}

// A kept is something that stays valid for ever, and a copy of what it was when it was read.
type kept struct {
	what string
	now  func() string
	was  string
}

// checkKept: a Reject, a Position and a Place that are kept while the source is read on, and closed, stay what they were.
func checkKept(t testing.TB, open openFunc) {
	src, done := start(t, open)
	var all []kept
	for b, err := range src.Batches(t.Context(), nil) {
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		all = append(all, keep(b)...)
	}
	readAll(t, src, nil)
	done()
	for _, k := range all {
		if now := k.now(); now != k.was {
			t.Fatalf("%s was %q and has become %q: the source reuses its memory", k.what, k.was, now)
		}
	}
}

func keep(b pipeline.Batch) []kept {
	var all []kept
	add := func(what string, now func() string) {
		all = append(all, kept{what, now, strings.Clone(now())})
	}
	for _, row := range b.Rows {
		add("the place of a row", row.Place.String)
	}
	for _, rej := range b.Rejects {
		add("a reject", func() string { return fmt.Sprint(rej.Place, rej.Code, rej.Err) })
	}
	end := b.End
	add("a position", func() string { return string(end) })
	return all
}

// checkGarbage: what isn't a position gives an error; what is nearly one may, but neither panics.
func checkGarbage(t testing.TB, open openFunc) {
	src, done := start(t, open)
	defer done()
	for _, s := range []string{"garbage", "{}", "[]", "null", "\x00", "\xff\xfe\xfd", strings.Repeat("9", 1000)} {
		if r := readGarbage(t, src, s); r.err == nil {
			t.Errorf("read from the position %.20q: no error", s)
		}
	}
	for _, m := range readAll(t, src, nil).marks {
		if m.end == "" {
			continue // told by checkRows
		}
		for _, i := range []int{0, len(m.end) / 2, len(m.end) - 1} {
			readGarbage(t, src, m.end[:i])
			readGarbage(t, src, m.end[:i]+string(m.end[i]^1)+m.end[i+1:])
			readGarbage(t, src, m.end[:i]+"\xff"+m.end[i+1:])
		}
		readGarbage(t, src, m.end+m.end)
	}
}

func readGarbage(t testing.TB, src pipeline.Source, position string) (r reading) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			r.err = fmt.Errorf("panic: %v", p)
			t.Errorf("read from the position %.60q: %v", position, r.err)
		}
	}()
	return read(t.Context(), t, src, pipeline.Position(position), 1)
}
