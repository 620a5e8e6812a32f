package crm

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// An Effect says whether a request that failed can have changed anything.
type Effect uint8

// The effects.
const (
	NoEffect Effect = iota // certainly nothing was done
	Unknown                // all, some or nothing may have been done, or may yet be (API.md 11.2)
)

// String returns the effect in words.
func (e Effect) String() string {
	if e == NoEffect {
		return "no effect"
	}
	return "unknown effect"
}

// An Error is a request that HubSpot refused as a whole, or that got no usable answer (API.md 6).
type Error struct {
	Op            string // what was tried, such as "update contacts"
	Method        string
	Path          string // without the query
	Status        int    // of HTTP; 0 if there was no answer to the call itself
	Category      string // such as VALIDATION_ERROR; "" if HubSpot gave none
	SubCategory   string
	Message       string // HubSpot's text, or ours where it gave none
	Hint          string // what to do; "" if there is nothing more to say
	CorrelationID string
	Policy        string // of a 429, such as TEN_SECONDLY_ROLLING
	Context       map[string][]string
	Details       []DetailError
	Foreign       bool // the body isn't HubSpot's: something on the way has answered
	Effect        Effect

	attempts   int
	retryAfter time.Duration
	temporary  bool // nothing was sent, and trying again later may help
	cause      error
}

// An ItemError is an error about some inputs of a batch. Every field may be missing.
type ItemError struct {
	ID          string
	Category    string
	SubCategory string
	Message     string
	Context     map[string][]string
	Errors      []DetailError
}

// A DetailError is one reason within an error.
type DetailError struct {
	Message     string
	Code        string // such as PROPERTY_DOESNT_EXIST (API.md 8.3)
	SubCategory string
	Property    string // the name of the property; "" if it is about none
	Context     map[string][]string
}

// A PausedError says that HubSpot accepts nothing for longer than a call should wait: the daily limit, or the account
// is being moved.
type PausedError struct {
	Until  time.Time // when to go on, as far as that is known
	Reason string
	Err    error // the *Error that told; nil if nothing was sent
}

// Error says why and until when.
func (e *PausedError) Error() string {
	return e.Reason + ": paused until " + e.Until.Format(time.RFC3339)
}

// Unwrap returns the error that told.
func (e *PausedError) Unwrap() error { return e.Err }

// Error names what was tried, the answer, HubSpot's message on one line, what to do and the correlation id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "hubspot answered %d", e.Status)
		if e.Category != "" {
			b.WriteString(" " + e.Category)
		}
		b.WriteString(": ")
	}
	b.WriteString(oneLine(e.Message, 400))
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.attempts)
	}
	if e.CorrelationID != "" {
		b.WriteString(" (correlation id " + e.CorrelationID + ")")
	}
	return b.String()
}

// LogValue returns what of the error belongs into a log: HubSpot's own words don't, since they quote what was written.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("op", e.Op), slog.Int("status", e.Status), slog.String("category", e.Category),
		slog.String("correlation_id", e.CorrelationID), slog.String("effect", e.Effect.String())}
	if e.Status == 0 || e.Status/100 == 2 { // the words are ours
		attrs = append(attrs, slog.String("message", oneLine(e.Message, 400)))
	}
	return slog.GroupValue(attrs...)
}

// LogValue returns what of the error belongs into a log; see Error.LogValue.
func (e *ItemError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("category", e.Category), slog.String("sub_category", e.SubCategory))
}

// Without returns the error with the values taken out of HubSpot's words, in whatever case they are: what is told of a
// whole run must not hold what its rows do. Shorter values than four characters say too little to be looked for.
func (e *Error) Without(values []string) *Error {
	const telling = 4
	bare := *e
	bare.Details = slices.Clone(e.Details)
	for _, text := range bare.texts() {
		for _, v := range values {
			if v = strings.TrimSpace(v); len(v) >= telling && len(v) <= len(*text) {
				*text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(v)).ReplaceAllLiteralString(*text, "…")
			}
		}
	}
	return &bare
}

// Unwrap returns what went wrong underneath, such as the context's error.
func (e *Error) Unwrap() error { return e.cause }

// MissingScopes returns the scopes that a 403 asks for, if it names them.
func (e *Error) MissingScopes() []string {
	var scopes []string
	for _, c := range append([]map[string][]string{e.Context}, contexts(e.Details)...) {
		for _, name := range []string{"requiredGranularScopes", "requiredScopes", "missingScopes"} {
			scopes = append(scopes, c[name]...)
		}
	}
	slices.Sort(scopes)
	return slices.Compact(scopes)
}

// ExistingID returns the id of the record that a conflict is with, or "" (API.md 6.3).
func (e *Error) ExistingID() string { return existingID(e.Context, e.Message) }

// ExistingID returns the id of the record that a conflict is with, or "" (API.md 6.3).
func (e *ItemError) ExistingID() string { return existingID(e.Context, e.Message) }

// TraceIDs returns the trace ids of the inputs that the error is about; one error may stand for several (API.md 5.4).
func (e *ItemError) TraceIDs() []string { return e.Context["objectWriteTraceId"] }

// Error returns category and message on one line.
func (e *ItemError) Error() string {
	if e.Category == "" {
		return oneLine(e.Message, 400)
	}
	return e.Category + ": " + oneLine(e.Message, 400)
}

// Error returns the message on one line, cut: it may quote a value of any length.
func (d *DetailError) Error() string { return oneLine(d.Message, 400) }

func contexts(details []DetailError) []map[string][]string {
	all := make([]map[string][]string, 0, len(details))
	for _, d := range details {
		all = append(all, d.Context)
	}
	return all
}

var existing = regexp.MustCompile(`Existing ID: (\d+)|(\d+) already has that value`)

func existingID(context map[string][]string, message string) string {
	if ids := context["existingId"]; len(ids) > 0 {
		return ids[0]
	}
	if m := existing.FindStringSubmatch(message); m != nil {
		return m[1] + m[2]
	}
	return ""
}

// oneLine returns text without control characters or runs of blanks, cut to n runes.
func oneLine(text string, n int) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}
