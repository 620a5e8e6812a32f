package hubspot

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// A Quota is how many of the rows that a pipeline has written may change in one run.
type Quota struct {
	Share float64 `yaml:"share,omitempty" doc:"A share of those rows, from 0 to 1."`
	Count int64   `yaml:"count,omitempty" doc:"A number of rows. Given both, the larger counts."`
}

// Pattern returns what a percentage and a whole number look like.
func (*Quota) Pattern() string {
	return `^\s*(\+?\d+|-0+)\s*$|^\s*\+?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)? *%\s*$`
}

// SetShorthand takes a percentage such as "5%", or a number of rows.
func (q *Quota) SetShorthand(scalar string) error {
	text := strings.TrimSpace(scalar)
	if strings.HasSuffix(text, "%") {
		var s Share
		err := s.SetShorthand(text)
		q.Share = s.Of
		return err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is neither a percentage such as 5%% nor a whole number of rows", scalar)
	}
	q.Count = n
	return nil
}

// defaultArchive lets a few rows leave a small source, and a tenth of a large one.
var defaultArchive = Quota{Share: 0.1, Count: 10}

// maxArchive returns how many rows may leave the source in one run; nil where none is taken back.
func (c *Config) maxArchive() *pipeline.Quota {
	switch {
	case c.mode() != modeMirror:
		return nil
	case c.MaxArchive != nil:
		return (*pipeline.Quota)(c.MaxArchive)
	}
	quota := pipeline.Quota(defaultArchive)
	return &quota
}

// check returns what is wrong with a quota that the mode may have no use for.
func (q *Quota) check(name, mode string, useful bool) []error {
	switch {
	case q == nil:
		return nil
	case !useful:
		return []error{fieldError(name, "leave it out", "has no meaning in mode %s", mode)}
	case !(q.Share >= 0 && q.Share <= 1) || q.Count < 0:
		return []error{fieldError(name, "", "expected a percentage such as 5%%, or a whole number of rows")}
	}
	return nil
}
