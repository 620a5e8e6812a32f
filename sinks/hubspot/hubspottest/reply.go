package hubspottest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A reply is an answer that isn't on the wire yet, so that faults can still spoil it.
type reply struct {
	status int
	kind   string // content type
	body   []byte
	cut    cut
	drip   time.Duration // between bytes
	pad    int           // blanks before the body
	retry  int           // Retry-After in seconds
}

// An apiError is the body of a failure, of a whole request or of one item of a 207 (4).
type apiError struct {
	HTTP          int                 `json:"-"`
	Status        string              `json:"status"`
	Category      string              `json:"category,omitempty"`
	SubCategory   string              `json:"subCategory,omitempty"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Links         map[string]string   `json:"links,omitempty"`
	Errors        []errorDetail       `json:"errors,omitempty"`

	rule bool // an administrator's rule, which may fail a whole batch (16.11)
}

// An errorDetail is one of several reasons of an apiError.
type errorDetail struct {
	Message string              `json:"message"`
	Code    string              `json:"code,omitempty"`
	Context map[string][]string `json:"context,omitempty"`
}

func newError(status int, category, format string, args ...any) *apiError {
	return &apiError{HTTP: status, Status: "error", Category: category, Message: fmt.Sprintf(format, args...)}
}

// invalid returns a 400 of category VALIDATION_ERROR.
func invalid(format string, args ...any) *apiError {
	return newError(http.StatusBadRequest, "VALIDATION_ERROR", format, args...)
}

func notFound(format string, args ...any) *apiError {
	return newError(http.StatusNotFound, "OBJECT_NOT_FOUND", format, args...)
}

// with adds a context entry.
func (e *apiError) with(name string, values ...string) *apiError {
	if e.Context == nil {
		e.Context = make(map[string][]string)
	}
	e.Context[name] = values
	return e
}

func (e *apiError) sub(category string) *apiError {
	e.SubCategory = category
	return e
}

func (c *call) refuse(e *apiError) *reply {
	whole := *e
	whole.CorrelationID = c.correlation
	return c.json(e.HTTP, &whole)
}

func (c *call) fail(status int, category, format string, args ...any) *reply {
	return c.refuse(newError(status, category, format, args...))
}

// answer runs fn with the portal's lock and answers with what it returns.
func (c *call) answer(status int, fn func() (any, *apiError)) *reply {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	v, err := fn()
	if err != nil {
		return c.refuse(err)
	}
	if status == http.StatusNoContent {
		return noContent()
	}
	return c.json(status, v)
}

func (c *call) json(status int, v any) *reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic("hubspottest: " + err.Error()) // only our own types come here
	}
	return &reply{status: status, kind: jsonType, body: body}
}

const jsonType = "application/json;charset=utf-8"

func noContent() *reply { return &reply{status: http.StatusNoContent} }

// html is what the edge in front of HubSpot answers (6.1).
func html(status int, title string) *reply {
	body := fmt.Sprintf("<html>\n<head><title>%d %s</title></head>\n<body><h1>%d %s</h1></body>\n</html>\n", status, title, status, title)
	return &reply{status: status, kind: "text/html", body: []byte(body)}
}
