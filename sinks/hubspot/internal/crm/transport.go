package crm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswer bounds the size of an answer, unpacked. 100 records with all their properties take about 1 MB.
const maxAnswer = 16 << 20

var errTooLarge = fmt.Errorf("the answer is larger than %d MiB", maxAnswer>>20)

// newTransport returns a transport of our own: HTTP/1.1 with kept connections, because HTTP/2 costs more for bodies of
// this size and repeats requests that may have been carried out. Proxies are those of the environment, and see no more
// than a CONNECT: what goes out in the clear, to a local server, takes none.
func newTransport(dial func(context.Context, string, string) (net.Conn, error), local bool) *http.Transport {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         64 << 10,
		Protocols:              new(http.Protocols),
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &countingConn{Conn: conn}, nil
		},
	}
	if local {
		t.Proxy = nil
	}
	t.Protocols.SetHTTP1(true)
	return t
}

// A countingConn knows how much has been written to it.
type countingConn struct {
	net.Conn
	written atomic.Int64
}

func (c *countingConn) Write(b []byte) (int, error) {
	c.written.Add(int64(len(b))) // before: what is being written may arrive
	n, err := c.Conn.Write(b)
	c.written.Add(int64(n - len(b)))
	return n, err
}

// A watch follows one request: when it got its connection, and whether a byte of it went out.
type watch struct {
	ticket *ticket
	conn   atomic.Pointer[countingConn]
	before atomic.Int64
	got    atomic.Bool
}

func (w *watch) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if tls, ok := info.Conn.(interface{ NetConn() net.Conn }); ok {
			info.Conn = tls.NetConn()
		}
		if conn, ok := info.Conn.(*countingConn); ok {
			w.before.Store(conn.written.Load())
			w.conn.Store(conn)
		}
		w.got.Store(true)
		w.ticket.start(time.Now())
	}}
}

// untouched tells whether certainly nothing of the request went out. After the context's end that is only certain
// while there was no connection: its writing may still be under way.
func (w *watch) untouched(err error) bool {
	if !w.got.Load() {
		return true
	}
	conn := w.conn.Load()
	interrupted := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	return conn != nil && !interrupted && conn.written.Load() == w.before.Load()
}

// buffers are what answers are read into. Nothing of an answer is kept but copies.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxBuffer is the size of the largest buffer that is used again.
const maxBuffer = 1 << 20

func release(b *bytes.Buffer) {
	if b.Cap() <= maxBuffer {
		b.Reset()
		buffers.Put(b)
	}
}

// readAnswer reads the body of an answer, unpacked by the transport, into an empty buffer.
func readAnswer(resp *http.Response, into *bytes.Buffer) error {
	defer resp.Body.Close()
	into.Grow(int(min(max(resp.ContentLength, 0), maxAnswer)) + bytes.MinRead)
	_, err := into.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && into.Len() > maxAnswer {
		err = errTooLarge
	}
	return err
}

// plainCause returns the text of a transport's error without the address, which adds nothing.
func plainCause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return err.Error()
}
