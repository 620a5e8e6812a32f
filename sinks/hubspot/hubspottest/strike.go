package hubspottest

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// cut tells where an answer breaks off.
type cut uint8

const (
	whole cut = iota
	cutBefore
	cutMiddle
)

// A strike is what a fault does to one request.
type strike struct {
	fault *Fault
	delay time.Duration
}

// before returns whether the request is answered without taking effect.
func (h strike) before() bool {
	if h.fault == nil || h.fault.After {
		return false
	}
	switch h.fault.Kind {
	case "", "status", "reset", "expire":
		return true
	}
	return false
}

func (h strike) late() bool { return h.fault != nil && h.fault.Kind == "late" }

// reply makes the spoiled answer; rep is the real one, nil if the request didn't take effect.
func (h strike) reply(c *call, rep *reply) *reply {
	f := h.fault
	switch f.Kind {
	case "reset":
		return &reply{cut: cutBefore}
	case "expire":
		return expired(c, 12)
	case "partial":
		return h.status(c, or(f.Status, http.StatusBadGateway))
	case "late":
		return h.status(c, or(f.Status, http.StatusGatewayTimeout))
	case "truncate":
		rep.body = rep.body[:len(rep.body)/2]
	case "cut":
		rep.cut = cutMiddle
	case "html":
		return html(http.StatusOK, "OK")
	case "empty":
		rep.body = nil
	case "no_errors":
		return c.json(http.StatusMultiStatus, map[string]any{
			"status": "COMPLETE", "results": []any{}, "startedAt": stamp{c.now}, "completedAt": stamp{c.now},
		})
	case "drip":
		rep.drip = max(f.Delay, time.Millisecond)
	case "huge":
		rep.pad = 16 << 20
	case "delay", "omit", "silent":
	default:
		return h.status(c, or(f.Status, http.StatusInternalServerError))
	}
	return rep
}

// status makes the usual answer of a status (6.1, 9.3).
func (h strike) status(c *call, code int) *reply {
	f := h.fault
	var rep *reply
	switch {
	case f.HTML, code >= 502 && code <= 504, code >= 520:
		rep = html(code, or(http.StatusText(code), "Error"))
	case code == http.StatusTooManyRequests:
		policy := or(f.Policy, "TEN_SECONDLY_ROLLING")
		rep = c.json(code, rateError{
			Status: "error", Message: "You have reached your " + policyNames[policy] + " limit.", ErrorType: "RATE_LIMIT", Category: "RATE_LIMITS",
			Correlation: c.correlation, Policy: policy,
		})
	default:
		rep = c.fail(code, statusCategories[code], "%s", or(statusMessages[code], "internal error"))
	}
	if f.Body != "" {
		rep.body = []byte(f.Body)
	}
	if code == 477 {
		rep.retry = 3600
	}
	rep.retry = or(f.RetryAfter, rep.retry)
	return rep
}

var policyNames = map[string]string{"TEN_SECONDLY_ROLLING": "ten_secondly_rolling", "SECONDLY": "secondly", "DAILY": "daily"}

var statusCategories = map[int]string{
	400: "VALIDATION_ERROR", 401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 404: "OBJECT_NOT_FOUND", 409: "CONFLICT",
	423: "LOCKED", 477: "MIGRATION_IN_PROGRESS",
}

var statusMessages = map[int]string{
	423: "The resource is locked by another operation, try again in 2 seconds",
	477: "This account is being migrated between data centers",
}

// applyLate runs the request some time after its answer.
func (s *Server) applyLate(c *call, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(delay, func() {
		s.mu.Lock()
		_, due := s.late[timer]
		delete(s.late, timer)
		c.now = s.now()
		s.mu.Unlock()
		if due {
			s.handle(&call{s: s, r: c.r.Clone(context.Background()), body: c.body, query: c.query, seq: c.seq, now: c.now,
				bearer: c.bearer, correlation: c.correlation, headers: http.Header{}})
		}
	})
	s.late[timer] = struct{}{}
}

// sleep waits for d; false means that the request was given up first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// write puts the answer on the wire.
func (rep *reply) write(w http.ResponseWriter, r *http.Request) {
	if rep.cut == cutBefore {
		abort(w)
		return
	}
	if rep.kind != "" {
		w.Header().Set("Content-Type", rep.kind)
	}
	if rep.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(rep.retry))
	}
	if rep.status != http.StatusNoContent && rep.pad == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
	}
	w.WriteHeader(rep.status)
	for blanks := bytes.Repeat([]byte{' '}, 32<<10); rep.pad > 0; rep.pad -= len(blanks) {
		if _, err := w.Write(blanks); err != nil {
			return // the client has had enough
		}
	}
	switch {
	case rep.cut == cutMiddle:
		w.Write(rep.body[:len(rep.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case rep.drip > 0:
		for i := range rep.body {
			w.Write(rep.body[i : i+1])
			http.NewResponseController(w).Flush()
			if !sleep(r.Context(), rep.drip) {
				return
			}
		}
	case len(rep.body) > 0:
		w.Write(rep.body)
	}
}

// abort resets the connection. Where it can't be had, the server breaks it off.
func abort(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}
