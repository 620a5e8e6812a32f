package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"sluice/pipeline"
)

// hostile scales the number of damaged files that are tried: 1 for every day.
var hostile = flag.Int("hostile", 1, "how many times as many damaged files are read")

// A trial reads damaged files and complains of what must not happen.
type trial struct {
	t         *testing.T
	path      string
	files     int
	errors    int
	mostBytes uint64
	slowest   time.Duration
}

func newTrial(t *testing.T) *trial {
	tr := &trial{t: t, path: filepath.Join(t.TempDir(), "hostile.parquet")}
	t.Cleanup(func() {
		t.Logf("%d files, %d of them refused; at most %d MiB allocated for one, and %v", tr.files, tr.errors, tr.mostBytes>>20, tr.slowest)
	})
	return tr
}

// read reads a file from its start, and from the middle of its row groups. Either the rows are there that the file
// declares, or an error names the file and, once the footer was fine, the row group.
func (tr *trial) read(content []byte, what string, args ...any) {
	tr.t.Helper()
	must(tr.t, os.WriteFile(tr.path, content, 0o600))
	tr.files++
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	if err := tr.all(); err != nil {
		tr.errors++
		if text := err.Error(); !strings.HasPrefix(text, tr.path+": ") {
			tr.t.Errorf("%s: the error doesn't name the file: %v", fmt.Sprintf(what, args...), err)
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	tr.slowest = max(tr.slowest, took)
	taken := after.TotalAlloc - before.TotalAlloc
	tr.mostBytes = max(tr.mostBytes, taken)
	const readings = 3
	if taken > readings*(maxPages+64<<20) || took > time.Minute {
		tr.t.Errorf("%s: %d MiB allocated, %v", fmt.Sprintf(what, args...), taken>>20, took)
	}
}

func (tr *trial) all() error {
	ctx := tr.t.Context()
	opened, err := (&Config{Path: []string{tr.path}, Binary: encodeBase64}).Open(ctx, noEnv)
	if err != nil {
		return err
	}
	src := opened.(*source)
	var total int64
	for _, rows := range src.files[0].groups {
		total += rows
	}
	err = tr.from(ctx, src, nil, total)
	done := int64(0)
	for i, rows := range src.files[0].groups[:min(2, len(src.files[0].groups))] {
		again := tr.from(ctx, src, src.position(mark{Group: i, Row: rows / 2}), total-done-rows/2)
		if err == nil && again != nil {
			tr.t.Errorf("read from the middle of row group %d, the file is damaged: %v", i+1, again)
		}
		done += rows
	}
	return err
}

// from reads the rows after a position, of which there should be that many; it is content with some thousands.
func (tr *trial) from(ctx context.Context, src *source, p pipeline.Position, want int64) error {
	const enough = 5000
	var rows int64
	for b, err := range src.Batches(ctx, p) {
		if err != nil {
			if !strings.Contains(err.Error(), "row") {
				tr.t.Errorf("the error names no row group: %v", err)
			}
			return err
		}
		for _, r := range b.Rows {
			show(r.Values)
		}
		if rows += int64(len(b.Rows) + len(b.Rejects)); rows > enough {
			return nil
		}
	}
	if rows != want {
		tr.t.Errorf("%d rows, and no error; the file declares %d", rows, want)
	}
	return nil
}

// share returns how many of n files to pass over for each that is tried, so that about most are.
func share(n, most int) int { return max(1, n/(most**hostile)) }

// Every number of a footer forged to every extreme: sizes, counts, offsets, types, and the lengths of lists and names.
func TestForgedFooters(t *testing.T) {
	tr := newTrial(t)
	for name, whole := range victims(t) {
		size := int(binary.LittleEndian.Uint32(whole[len(whole)-tail:]))
		all, _ := places(whole[len(whole)-tail-size:])
		n, every := 0, share(len(all)*len(extremes), 30)
		for _, at := range all {
			for _, v := range extremes {
				if n++; n%every == 0 {
					tr.read(forgeFooter(whole, at, v), "%s: footer: the number at %d is %d", name, at.pos, v)
				}
			}
		}
	}
}

// Every number of every page's header forged to every extreme.
func TestForgedPageHeaders(t *testing.T) {
	tr := newTrial(t)
	for name, whole := range victims(t) {
		starts := pages(t, whole)
		n, every := 0, share(len(starts)*7*len(extremes), 30)
		for _, start := range starts {
			numbers, _ := places(whole[start:])
			for _, at := range numbers {
				for _, v := range extremes {
					if n++; n%every == 0 {
						forged := forgePage(t, whole, start+at.pos, at.len, binary.AppendUvarint(nil, v))
						tr.read(forged, "%s: page at %d: the number at %d is %d", name, start, at.pos, v)
					}
				}
			}
		}
	}
}

// Each byte of the pages replaced by those that mean most to decoders: lengths, widths of bits, heads of runs.
func TestForgedPages(t *testing.T) {
	tr := newTrial(t)
	tokens := [][]byte{{0x00}, {0x01}, {0x3f}, {0x40}, {0x7f}, {0x80}, {0xff}, {0xff, 0xff, 0xff, 0x7f}, {0x80, 0xff, 0xff, 0xff, 0x0f}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}}
	for name, whole := range victims(t) {
		end := len(whole) - tail - int(binary.LittleEndian.Uint32(whole[len(whole)-tail:]))
		n, every := 0, share((end-4)*len(tokens), 60)
		for pos := 4; pos < end; pos++ {
			for _, token := range tokens {
				if n++; n%every != 0 {
					continue
				}
				forged := bytes.Clone(whole)
				copy(forged[pos:end], token)
				tr.read(forged, "%s: %x at %d", name, token, pos)
			}
		}
	}
}

// Several damages at once, at random places: bits turned, bytes overwritten, parts copied over others.
func TestRandomDamage(t *testing.T) {
	tr := newTrial(t)
	for name, whole := range victims(t) {
		for seed := range uint64(30 * *hostile) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			forged := bytes.Clone(whole)
			for range 1 + rnd.IntN(6) {
				at := rnd.IntN(len(forged))
				switch rnd.IntN(4) {
				case 0:
					forged[at] ^= 1 << rnd.IntN(8)
				case 1:
					forged[at] = byte(rnd.Uint32())
				case 2:

					copy(forged[at:], binary.LittleEndian.AppendUint32(nil, rnd.Uint32()))
				case 3:
					from := rnd.IntN(len(forged))
					copy(forged[at:], bytes.Clone(forged[from:min(len(forged), from+1+rnd.IntN(64))]))
				}
			}
			tr.read(forged, "%s: seed %d", name, seed)
		}
	}
}
