package pgtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A PoolMode is for how long a pooler lends a session of the server.
type PoolMode int

// The modes of PgBouncer.
const (
	TransactionMode PoolMode = iota
	StatementMode            // a transaction of several statements ends the connection
	SessionMode              // as long as the client is connected
)

// Sessions is how many a pooler has. It lends the one that was used least lately, so that nothing that was left in a
// session is there the next time.
const Sessions = 4

// A pooler stands before a server, as PgBouncer does.
type pooler struct {
	t       testing.TB
	dsn     string
	mode    PoolMode
	idle    chan *pgconn.HijackedConn
	wg      sync.WaitGroup
	mu      sync.Mutex
	clients map[net.Conn]bool // nil once the pooler is closed
}

// Pooler starts a connection pooler before the database of a DSN that Database returned, until the test ends, and returns the DSN that leads
// through it. The process id that it tells its clients is none of the server's, and has all 32 bits, as PgBouncer's may.
func Pooler(t testing.TB, dsn string, mode PoolMode) string {
	t.Helper()
	p := &pooler{t: t, dsn: dsn, mode: mode, idle: make(chan *pgconn.HijackedConn, Sessions), clients: map[net.Conn]bool{}}
	for range Sessions {
		p.idle <- p.session()
	}
	dir, err := os.MkdirTemp("", "pooler") // not the test's: its name may have commas, which part hosts
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	p.wg.Go(func() {
		for client, err := listener.Accept(); err == nil; client, err = listener.Accept() {
			p.wg.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() {
		p.close(listener)
		os.Remove(dir)
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("host", dir)
	query.Set("port", "5432")
	query.Set("sslmode", "disable")
	u.RawQuery = query.Encode()
	return u.String()
}

// session returns a new session of the server.
func (p *pooler) session() *pgconn.HijackedConn {
	conn, err := pgconn.Connect(context.Background(), p.dsn)
	if err != nil {
		p.t.Errorf("pooler: %v", err)
		return nil
	}
	session, err := conn.Hijack()
	if err != nil {
		p.t.Errorf("pooler: %v", err)
	}
	return session
}

func (p *pooler) close(listener net.Listener) {
	listener.Close()
	p.mu.Lock()
	for client := range p.clients {
		client.Close()
	}
	p.clients = nil
	p.mu.Unlock()
	p.wg.Wait()
	close(p.idle)
	for session := range p.idle {
		session.Conn.Close()
	}
}

// serve carries a client's requests to sessions until it goes.
func (p *pooler) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	closed := p.clients == nil
	if !closed {
		p.clients[client] = true
	}
	p.mu.Unlock()
	if closed || p.welcome(client) != nil {
		return
	}
	var session *pgconn.HijackedConn // the one that the client's transaction is in
	for {
		request, err := readRequest(client)
		if session == nil && err == nil {
			session = <-p.idle
		}
		status := byte('I')
		if err == nil {
			status, err = p.carry(client, session, request)
		}
		switch {
		case err != nil && session != nil: // what it is in the middle of ends with it
			session.Conn.Close()
			p.idle <- p.session()
			return
		case err != nil:
			return
		case status == 'I' && p.mode != SessionMode:
			p.idle <- session
			session = nil
		}
	}
}

// welcome lets a client in that has asked for it; one that asks to cancel is turned away.
func (p *pooler) welcome(client net.Conn) error {
	head := make([]byte, 8)
	if _, err := io.ReadFull(client, head); err != nil {
		return err
	}
	if version := binary.BigEndian.Uint32(head[4:]); version>>16 != 3 {
		return fmt.Errorf("not a startup message: %d", version)
	}
	if _, err := io.CopyN(io.Discard, client, int64(binary.BigEndian.Uint32(head))-8); err != nil {
		return err
	}
	answer, _ := (&pgproto3.AuthenticationOk{}).Encode(nil)
	for name, value := range map[string]string{"server_version": "15.0", "server_encoding": "UTF8", "client_encoding": "UTF8", "standard_conforming_strings": "on"} {
		answer, _ = (&pgproto3.ParameterStatus{Name: name, Value: value}).Encode(answer)
	}
	answer, _ = (&pgproto3.BackendKeyData{ProcessID: 0xE2_47_0B_13, SecretKey: []byte("none")}).Encode(answer)
	answer, _ = (&pgproto3.ReadyForQuery{TxStatus: 'I'}).Encode(answer)
	_, err := client.Write(answer)
	return err
}

// readRequest returns a client's messages up to one that is answered to its end.
func readRequest(client io.Reader) (request []byte, err error) {
	for {
		message, err := readMessage(client)
		if err != nil {
			return nil, err
		}
		request = append(request, message...)
		switch message[0] {
		case 'S', 'Q': // Sync, Query
			return request, nil
		case 'X': // Terminate
			return nil, io.EOF
		}
	}
}

// carry has a session carry a request out, and returns whether it is in a transaction then.
func (p *pooler) carry(client net.Conn, session *pgconn.HijackedConn, request []byte) (status byte, err error) {
	if _, err := session.Conn.Write(request); err != nil {
		return 0, err
	}
	for {
		message, err := readMessage(session.Conn)
		if err != nil {
			return 0, err
		}
		ready := message[0] == 'Z'
		if ready && message[5] != 'I' && p.mode == StatementMode {
			message, _ = (&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "08P01",
				Message: "transaction blocks not allowed in statement pooling mode"}).Encode(nil)
			_, _ = client.Write(message)
			return 0, io.EOF
		}
		if _, err := client.Write(message); err != nil {
			return 0, err
		}
		if ready {
			return message[5], nil
		}
	}
}

// readMessage returns the next message with its header.
func readMessage(r io.Reader) ([]byte, error) {
	message := make([]byte, 5)
	if _, err := io.ReadFull(r, message); err != nil {
		return nil, err
	}
	message = append(message, make([]byte, binary.BigEndian.Uint32(message[1:])-4)...)
	_, err := io.ReadFull(r, message[5:])
	return message, err
}
