package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const testToken = "pat-na1-canary-0001"

// quick is a Retry that doesn't wait, for tests over sockets.
var quick = Retry{Attempts: 3, Backoff: time.Microsecond, MaxBackoff: time.Microsecond, Lock: time.Microsecond, Patience: time.Minute}

// serve returns a client of a server on a socket.
func serve(t *testing.T, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	cfg := Config{BaseURL: server.URL, AccessToken: testToken, Retry: quick}
	for _, f := range change {
		f(&cfg)
	}
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// serveInMemory returns a client of a server without sockets, so that both run in virtual time.
func serveInMemory(t *testing.T, h http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: h}
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(pipes) })
	cfg := Config{BaseURL: "http://127.0.0.1", AccessToken: testToken, Dial: pipes.dial}
	for _, f := range change {
		f(&cfg)
	}
	c := newClient(t, cfg)
	t.Cleanup(func() {
		c.Close()
		server.Close()
		wg.Wait()
	})
	return c
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closed:
		return nil, errors.New("connection refused")
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// script answers requests in turn; the last answer is repeated.
type script struct {
	mu    sync.Mutex
	steps []http.HandlerFunc
	times []time.Time
	paths []string
	body  []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	step := s.steps[min(len(s.times), len(s.steps)-1)]
	s.times = append(s.times, time.Now())
	s.paths = append(s.paths, r.Method+" "+r.URL.RequestURI())
	s.body = append(s.body, string(body))
	s.mu.Unlock()
	step(w, r)
}

func (s *script) sends() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.times)
}

// reply returns a step that answers; headers are given as name, value.
func answerWith(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cut is a step that ends the connection without an answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(fmt.Sprint("hijack: ", err))
	}
	conn.Close()
}

const (
	good     = `{"status":"COMPLETE","results":[{"id":"1","objectWriteTraceId":"t"}]}`
	htmlPage = "<html><body><h1>504 Gateway Time-out</h1></body></html>"
)

var oneInput = []Input{{TraceID: "t", ID: "1", Properties: []Property{{"city", "Oslo"}}}}

func asError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("the error is %v, want an *Error", err)
	}
	return e
}
