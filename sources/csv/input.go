package csv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"sluice/pipeline/failpoint"
	"sluice/sources/internal/files"
)

// An input is an open file and its text, decompressed and decoded to UTF-8.
type input struct {
	path    string
	file    *os.File
	opened  os.FileInfo // the file's size and time when it was opened
	packing string      // "gzip", "zstd" or ""
	charset string      // what the text was decoded from
	text    io.Reader
	close   []func() error
}

func openInput(ctx context.Context, path string, d *dialect) (*input, error) {
	if err := files.Check(path, extension); err != nil {
		return nil, err
	}
	if err := failpoint.At("file.op"); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &input{path: path, file: f, close: []func() error{f.Close}}
	if err := in.start(ctx, d); err != nil {
		in.Close()
		return nil, err
	}
	return in, nil
}

func (in *input) start(ctx context.Context, d *dialect) error {
	var err error
	if in.opened, err = in.file.Stat(); err != nil {
		return err
	}
	r, err := in.unpack(contextReader{ctx, in.file})
	if err != nil {
		return in.explain(err, 0)
	}
	if in.text, err = in.decode(r, d); err != nil {
		return in.explain(err, 0)
	}
	return nil
}

// Close closes the file and what decompresses it.
func (in *input) Close() error {
	var err error
	for _, c := range in.close {
		err = errors.Join(err, c())
	}
	return err
}

// foreign are the first bytes of files that people take for CSV.
var foreign = []struct{ magic, what string }{
	{"PK\x03\x04", "a zip archive or a spreadsheet: unpack it, or save it as CSV"},
	{"\xd0\xcf\x11\xe0", "an Excel spreadsheet: save it as CSV"},
	{"PAR1", "a Parquet file: use the parquet source"},
	{"BZh", "compressed with bzip2: compress it with gzip or zstd instead"},
	{"\xfd7zXZ", "compressed with xz: compress it with gzip or zstd instead"},
}

// unpack returns what r holds, decompressed.
func (in *input) unpack(r io.Reader) (io.Reader, error) {
	var head [8]byte
	n, err := in.file.ReadAt(head[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head[:n], []byte(f.magic)) {
			return nil, fmt.Errorf("the file is %s", f.what)
		}
	}
	switch {
	case bytes.HasPrefix(head[:n], []byte("\x1f\x8b")):
		return in.gunzip(r)
	case bytes.HasPrefix(head[:n], []byte("\x28\xb5\x2f\xfd")):
		return in.unzstd(r)
	}
	return r, nil
}

func (in *input) gunzip(r io.Reader) (io.Reader, error) {
	in.packing = "gzip"
	z, err := gzip.NewReader(r)
	if errors.Is(err, io.EOF) {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	in.close = append(in.close, z.Close)
	return z, nil
}

func (in *input) unzstd(r io.Reader) (io.Reader, error) {
	in.packing = "zstd"
	const window = 128 << 20 // what zstd itself accepts without being asked to
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
	if err != nil {
		return nil, err
	}
	in.close = append(in.close, func() error { z.Close(); return nil })
	return z, nil
}

// decode returns the text of r as UTF-8, without a byte order mark.
func (in *input) decode(r io.Reader, d *dialect) (io.Reader, error) {
	head := make([]byte, 3)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // those two come again
		return nil, err
	}
	head = head[:n]
	enc := d.encoding
	in.charset = d.charset
	if mark, ok := byteOrder(head); ok {
		head = head[mark.length:]
		enc, in.charset = mark.encoding, mark.charset
	}
	r = io.MultiReader(bytes.NewReader(head), r)
	if in.charset == "utf-8" {
		return r, nil
	}
	return transform.NewReader(r, enc.NewDecoder()), nil
}

// A mark is what a byte order mark says.
type mark struct {
	length   int
	charset  string
	encoding encoding.Encoding
}

func byteOrder(head []byte) (mark, bool) {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return mark{3, "utf-8", unicode.UTF8}, true
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return mark{2, "utf-16le", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}, true
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return mark{2, "utf-16be", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}, true
	}
	return mark{}, false
}

// explain says in which file, and after how many lines, the reading ended with err.
func (in *input) explain(err error, lines int64) error {
	where := in.path
	if lines > 0 {
		where = fmt.Sprintf("%s: after line %d", in.path, lines)
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case in.packing != "" && errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: the %s data ends too early: the file was cut short, or is still being written: %w", where, in.packing, err)
	case in.packing != "":
		return fmt.Errorf("%s: decompress %s data: %w", where, in.packing, err)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// changed returns an error if the file isn't what it was when it was opened.
func (in *input) changed() error {
	now, err := os.Stat(in.path)
	if err != nil {
		return fmt.Errorf("%s has gone while it was being read: %w", in.path, err)
	}
	if !os.SameFile(now, in.opened) {
		return fmt.Errorf("%s was replaced by another file while it was being read: run again", in.path)
	}
	if now.Size() != in.opened.Size() {
		return fmt.Errorf("%s has changed while it was being read: it had %d bytes and has %d now: run again when it is complete",
			in.path, in.opened.Size(), now.Size())
	}
	if !now.ModTime().Equal(in.opened.ModTime()) {
		return fmt.Errorf("%s has changed while it was being read: it was written to at %s: run again when it is complete",
			in.path, now.ModTime().UTC().Format(time.RFC3339Nano))
	}
	return nil
}

// A contextReader reads until ctx ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if err := failpoint.At("file.op"); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
