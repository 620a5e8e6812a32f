package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// sample returns about n bytes of CSV with 15 columns: mostly text, some of it quoted, some of it empty.
func sample(n int) []byte {
	var b bytes.Buffer
	b.WriteString("id,email,first,last,company,domain,phone,city,stage,amount,count,created,updated,day,notes\n")
	for i := 0; b.Len() < n; i++ {
		notes := ""
		if i%10 == 0 {
			notes = fmt.Sprintf("\"He said \"\"call me\"\"\nin week %d\"", i%52)
		}
		fmt.Fprintf(&b, "%d,user%d@example%d.com,First%d,Last%d,Company %d Inc.,example%d.com,+1 555 %07d,\"Springfield, ST %d\",stage-%d,%d.%02d,%d,2024-03-%02dT10:%02d:00Z,2024-04-%02dT11:00:%02dZ,2024-05-%02d,%s\n",
			i, i, i%977, i%1013, i%2011, i%499, i%977, i*7919%10000000, i%50, i%7, i%100000, i%100, i%1000, i%28+1, i%60, i%28+1, i%60, i%28+1, notes)
	}
	return b.Bytes()
}

// BenchmarkRead reads the same file with this source, from the file to typed batches, and with encoding/csv, to
// records that are kept and to records that are reused.
func BenchmarkRead(b *testing.B) {
	data := sample(10 << 20)
	path := filepath.Join(b.TempDir(), "sample.csv")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	run := func(name string, read func() error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	src := open(b, path, nil)
	run("source", func() error {
		for _, err := range src.Batches(b.Context(), nil) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	run("splitter", func() error {
		r := newReader(bytes.NewReader(data), &dialect{delimiter: ',', quote: '"'})
		r.fields = make([]field, 16)
		err := r.next()
		for ; err == nil; err = r.next() {
		}
		return ignoreEOF(err)
	})
	run("encoding-csv-kept", func() error { return standard(path, false) })
	run("encoding-csv-reused", func() error { return standard(path, true) })
}

func standard(path string, reuse bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := stdcsv.NewReader(f)
	r.ReuseRecord = reuse
	for err == nil {
		_, err = r.Read()
	}
	return ignoreEOF(err)
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
