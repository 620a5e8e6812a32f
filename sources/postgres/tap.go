package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// A tap is what pgx reads a connection's messages from. While it has a page, the messages that are rows go there, many at
// once, and pgx sees only the others: it would take longer for a row than everything else that is done with it here.
type tap struct {
	conn  io.Reader
	page  *page  // where rows go; nil: to pgx
	buf   []byte // memory for what is read
	ahead []byte // what was read, and has gone nowhere yet
	left  int    // bytes that are to come of the message that has begun
	row   bool   // the message that has begun is a row: it goes to the page
	empty bool   // nothing was left in the connection after the last read
	heard func() // called whenever something was read; nil: nobody wants to know
}

const (
	// readBuffer is how much is read from a connection at once: by itself pgx reads 8 KiB.
	readBuffer = 64 << 10
	// messageHeader is the length of what each message begins with: its type, and its length without the type.
	messageHeader = 5
	// rowHeader is the length of what a row's message begins with: the message's header, and the number of values.
	rowHeader = messageHeader + 2
)

// tapKey is the tap's name among what a connection carries with it.
const tapKey = "sluice tap"

// install gives a connection that is about to be made a tap.
func install(_ context.Context, config *pgx.ConnConfig) error {
	var t *tap
	config.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		t = &tap{conn: r, buf: make([]byte, readBuffer)}
		return pgproto3.NewFrontend(t, w)
	}
	config.AfterConnect = func(_ context.Context, pg *pgconn.PgConn) error {
		pg.CustomData()[tapKey] = t
		return nil
	}
	return nil
}

// into runs f, and has the rows that it reads go to a page.
func into(p *page, pg *pgconn.PgConn, f func() error) error {
	t := pg.CustomData()[tapKey].(*tap)
	p.reset()
	t.page, t.empty = p, false
	defer func() { t.page = nil }()
	return f()
}

// attend returns a context that ends, with an error as its cause, once the server has said nothing for that long, until the
// function that it returns is called. It ends no sooner for an answer that takes longer, as long as it goes on.
func attend(ctx context.Context, pg *pgconn.PgConn, most time.Duration) (context.Context, func()) {
	t := pg.CustomData()[tapKey].(*tap)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(most, func() { cancel(fmt.Errorf("no word from Postgres for %v", most)) })
	t.heard = func() { timer.Reset(most) }
	return ctx, func() {
		t.heard = nil
		timer.Stop()
		cancel(nil)
	}
}

// Read returns bytes of messages that are for pgx.
func (t *tap) Read(p []byte) (int, error) {
	for {
		if t.left == 0 {
			t.begin()
		}
		if n := min(t.left, len(t.ahead)); n > 0 {
			if !t.row {
				n = copy(p, t.ahead[:n])
				t.ahead, t.left = t.ahead[n:], t.left-n
				return n, nil
			}
			t.page.buf = append(t.page.buf, t.ahead[:n]...)
			t.ahead, t.left = t.ahead[n:], t.left-n
			continue
		}
		if err := t.fill(); err != nil {
			return 0, err
		}
	}
}

// begin moves the rows that are ahead to the page, of the last one perhaps only a part, and finds out how long the message
// behind them is. It does nothing where too little of that message has come to tell.
func (t *tap) begin() {
	n, size := 0, 0
	for t.page != nil && len(t.ahead)-n >= messageHeader && t.ahead[n] == 'D' {
		if size = sizeOf(t.ahead[n:]); size < rowHeader {
			break // pgx says what is wrong with it
		}
		n += size
		t.page.ends = append(t.page.ends, len(t.page.buf)+n)
	}
	whole := min(n, len(t.ahead))
	if whole > 0 {
		t.page.buf = append(t.page.buf, t.ahead[:whole]...)
		t.ahead, t.left, t.row = t.ahead[whole:], n-whole, true
	}
	if t.left == 0 && len(t.ahead) >= messageHeader {
		t.left, t.row = sizeOf(t.ahead), false
	}
}

// sizeOf returns the length of a message with its header, at least that of the header: pgx refuses what is less.
func sizeOf(message []byte) int {
	return max(messageHeader, 1+int(int32(binary.BigEndian.Uint32(message[1:]))))
}

// fill reads more of the connection. The server sends 8 KiB of a page at a time: to be woken up for each costs more than
// to read it, and to wake up costs the server, too. So what comes during a pause is read at once.
func (t *tap) fill() error {
	if t.empty && t.page != nil {
		pause()
	}
	kept := copy(t.buf, t.ahead)
	n, err := t.conn.Read(t.buf[kept:])
	t.ahead, t.empty = t.buf[:kept+n], kept+n < len(t.buf)
	if n > 0 {
		if t.heard != nil {
			t.heard()
		}
		return nil // an error comes again
	}
	return err
}
