package pipeline

import (
	"context"
	"time"
)

// blank is a state on which nothing has run yet. It is only read.
type blank struct{ Rememberer }

// Peek starts from nothing.
func (blank) Peek(context.Context, Begin) (Resume, error) { return Resume{}, nil }

// Bound knows no account.
func (blank) Bound(context.Context) (string, error) { return "", nil }

// Recent knows of no request.
func (blank) Recent(context.Context) ([]byte, time.Duration, error) { return nil, 0, nil }

// Known knows no key.
func (blank) Known(_ context.Context, _ string, keys []string) ([]Entry, error) {
	return make([]Entry, len(keys)), nil
}

// Remember knows nothing.
func (blank) Remember(context.Context, string, string) (Memory, error) { return Memory{}, nil }

// Ledger is empty.
func (blank) Ledger(context.Context, string, string, int) ([]KeyedEntry, error) { return nil, nil }

// Keys is empty.
func (blank) Keys(context.Context, string, string, int) ([]string, error) { return nil, nil }

// Holdings is empty.
func (blank) Holdings(context.Context, string, []string) ([]Holding, error) { return nil, nil }

// CountHoldings is 0.
func (blank) CountHoldings(context.Context, string) (int64, error) { return 0, nil }

// Digest is empty.
func (blank) Digest(context.Context, string, int64, func([]byte) error) (int64, error) {
	return 0, nil
}

// DigestSize is 0.
func (blank) DigestSize(context.Context, string) (int64, error) { return 0, nil }

// Waiting has no links.
func (blank) Waiting(context.Context, string, *LinkChange, int) ([]LinkChange, error) {
	return nil, nil
}

// Records knows no record.
func (blank) Records(context.Context, string, string, string, []string) (map[string]string, error) {
	return map[string]string{}, nil
}

// Owners knows no record.
func (blank) Owners(context.Context, string, []string) (map[string]string, error) {
	return map[string]string{}, nil
}

// Earlier is 0.
func (blank) Earlier(context.Context, string, int64, bool) (int64, error) { return 0, nil }

// Sharers knows no link.
func (blank) Sharers(context.Context, string, [][2]string) ([]SharedLink, error) { return nil, nil }
