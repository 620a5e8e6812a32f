package parquet

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sluice/pipeline"
)

// A mark is a position: the number of rows of a row group that have been read.
type mark struct {
	Files string `json:"files"` // identity of all files up to this one
	File  int    `json:"file"`
	Group int    `json:"group"`
	Row   int64  `json:"row"`
}

func (s *source) position(m mark) pipeline.Position {
	m.Files = hex.EncodeToString(s.files[m.File].chain[:16])
	p, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers
	}
	return p
}

// find returns the mark of a position. Files that have been added after the one that was being read do no harm.
func (s *source) find(p pipeline.Position) (mark, error) {
	if p == nil {
		return mark{}, nil
	}
	var m mark
	if err := json.Unmarshal(p, &m); err != nil {
		return m, fmt.Errorf("read from %s: %w", pipeline.Quote(string(p)), pipeline.ErrStalePosition)
	}
	if m.File < 0 || m.File >= len(s.files) {
		return m, fmt.Errorf("read from file %d of %d: %w", m.File+1, len(s.files), pipeline.ErrStalePosition)
	}
	f := s.files[m.File]
	if m.Files != hex.EncodeToString(f.chain[:16]) {
		return m, fmt.Errorf("read on in %s: %w", f.path, pipeline.ErrStalePosition)
	}
	atEnd := m.Group == len(f.groups) && m.Row == 0
	if m.Group < 0 || m.Row < 0 || !atEnd && (m.Group >= len(f.groups) || m.Row > f.groups[m.Group]) {
		return m, fmt.Errorf("read %s from row %d of row group %d: %w", f.path, m.Row+1, m.Group+1, pipeline.ErrStalePosition)
	}
	return m, nil
}
