package csv

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/zeebo/xxh3"

	"sluice/pipeline"
)

// A position is the state of a reading after a record, as pipeline.Position holds it.
type position struct {
	Version int    `json:"v"`
	File    int    `json:"file"`             // the file's place in the list, from 0
	Path    string `json:"path"`             // its name
	Before  string `json:"before,omitempty"` // hash of the files before it
	Offset  int64  `json:"offset"`           // bytes of the file's text, as UTF-8, that have been read
	Line    int64  `json:"line"`             // the line that comes next
	Hash    string `json:"hash"`             // of the bytes before Offset
	Open    bool   `json:"open,omitempty"`   // the file ends at Offset, without a line break
}

const positionVersion = 1

func (p position) encode() pipeline.Position {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // a struct of numbers and strings
	}
	return b
}

func decodePosition(from pipeline.Position) (position, error) {
	var p position
	d := json.NewDecoder(bytes.NewReader(from))
	d.DisallowUnknownFields()
	err := d.Decode(&p)
	if _, end := d.Token(); err == nil && end != io.EOF {
		err = errors.New("there is something behind it")
	}
	if err == nil && (p.Version != positionVersion || p.File < 0 || p.Offset < 0 || p.Line < 1 || p.Hash == "") {
		err = errors.New("something is missing, or out of range")
	}
	if err != nil {
		return position{}, stale("read the checkpoint %s of a csv source: %v", pipeline.Quote(string(from)), err)
	}
	return p, nil
}

// stale returns an error that is pipeline.ErrStalePosition and says what has changed.
func stale(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), pipeline.ErrStalePosition)
}

// resume finds the file of p, and checks that the files before it are those that were read.
func (s *source) resume(p position) error {
	if p.File >= len(s.paths) {
		return stale("%s was file %d, but the list has %s now", p.Path, p.File+1, plural(len(s.paths), "file"))
	}
	if now := s.paths[p.File]; now != p.Path {
		return stale("%s was file %d, which is %s now", p.Path, p.File+1, now)
	}
	before := ""
	for _, path := range s.paths[:p.File] {
		var err error
		if before, err = addFile(before, path); err != nil {
			return err
		}
	}
	if before != p.Before {
		return stale("of what is read before %s, something isn't what it was (%s)", p.Path, plural(p.File, "file"))
	}
	return nil
}

// continueAt moves r to p, if the text before it is what it was.
func (in *input) continueAt(r *reader, p position) error {
	if p.Offset < r.offset {
		return stale("%s: the header is longer than it was", in.path)
	}
	switch err := r.seek(p.Offset); {
	case err == io.EOF:
		return stale("%s: the text has %d bytes, but %d had been read", in.path, r.offset, p.Offset)
	case err != nil:
		return in.explain(err, 0)
	}
	if sum := r.sum(); hex.EncodeToString(sum[:]) != p.Hash {
		return stale("%s: the first %d bytes of text aren't what they were", in.path, p.Offset)
	}
	r.line, r.open = p.Line, p.Open
	if !p.Open {
		return nil
	}
	switch more, err := r.more(); {
	case err != nil:
		return in.explain(err, 0)
	case more:
		return stale("%s: the last line goes on where it had ended", in.path)
	}
	return nil
}

// addFile returns the hash of some files and one more. Of a file it takes name, size and both ends: reading all of it
// would take too long.
func addFile(before, path string) (string, error) {
	const span = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := xxh3.New()
	fmt.Fprintf(h, "%s %q %d ", before, path, info.Size())
	for _, at := range []int64{0, max(0, info.Size()-span)} {
		if _, err := io.Copy(h, io.NewSectionReader(f, at, span)); err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
	}
	sum := h.Sum128().Bytes()
	return hex.EncodeToString(sum[:]), nil
}
