package pipeline

import (
	"fmt"
	"io"
)

// A Secret is a text of the configuration that nothing shows: however it is formatted, logged or marshalled, alone or within
// a struct, stars stand for it. Who needs it converts it to a string.
type Secret string

// String returns stars, or "" if there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// Format writes what String returns, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText returns what String returns; JSON and log/slog ask it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
