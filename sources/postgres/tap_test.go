package postgres

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A drip gives at most size bytes at a time.
type drip struct {
	r    io.Reader
	size int
}

func (d drip) Read(p []byte) (int, error) { return d.r.Read(p[:min(len(p), d.size)]) }

// encoded returns messages as the server sends them.
func encoded(t *testing.T, messages ...pgproto3.BackendMessage) []byte {
	t.Helper()
	var b []byte
	for _, m := range messages {
		var err error
		if b, err = m.Encode(b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// Rows go to the page and everything else to pgx, in order and whole, wherever reads cut the messages.
func TestTapParts(t *testing.T) {
	notice := &pgproto3.NoticeResponse{Severity: "NOTICE", Code: "00000", Message: "DDDD"}
	begin := encoded(t, &pgproto3.BindComplete{}, notice)
	end := encoded(t, notice, &pgproto3.CommandComplete{CommandTag: []byte("SELECT 5")}, &pgproto3.ReadyForQuery{TxStatus: 'T'})
	for _, size := range []int{1, 2, 3, 5, 8, 13, 100, 8 << 10, readBuffer, 1 << 20} {
		wide := bytes.Repeat([]byte("wide"), min(size, readBuffer))
		rows := [][][]byte{{[]byte("1"), []byte("a")}, {[]byte("2"), {}}, {[]byte("3"), wide}, {[]byte("4"), nil}, {[]byte("5"), []byte("D")}}
		sent := begin
		for _, r := range rows {
			sent = slices.Concat(sent, encoded(t, &pgproto3.DataRow{Values: r}), begin)
		}
		sent = slices.Concat(sent, end)
		var p page
		got, err := io.ReadAll(&tap{conn: drip{bytes.NewReader(sent), size}, buf: make([]byte, readBuffer), page: &p})
		if want := slices.Concat(bytes.Repeat(begin, len(rows)+1), end); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes at a time: pgx gets %q, %v, want %q", size, got, err, want)
		}
		if p.rows() != len(rows) {
			t.Fatalf("%d bytes at a time: %d rows", size, p.rows())
		}
		for i, r := range rows {
			cells := make([]cell, p.width(i))
			if err := cut(p.row(i), cells); err != nil || !slices.Equal(cells, cellsOf(r)) {
				t.Errorf("%d bytes at a time: row %d is %.200v, %v", size, i, cells, err)
			}
		}
	}
}

func cellsOf(values [][]byte) (cells []cell) {
	for _, v := range values {
		cells = append(cells, cell{text: string(v), null: v == nil})
	}
	return cells
}

// Without a page pgx gets all that there is.
func TestTapWithoutPage(t *testing.T) {
	all := encoded(t, &pgproto3.DataRow{Values: [][]byte{[]byte("a")}}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	if got, err := io.ReadAll(&tap{conn: drip{bytes.NewReader(all), 3}, buf: make([]byte, readBuffer)}); err != nil || !bytes.Equal(got, all) {
		t.Errorf("%q, %v, want %q", got, err, all)
	}
}

// What can't be a row is left to pgx, which refuses it; what is cut off ends as pgx would have it end.
func TestTapBroken(t *testing.T) {
	for stream, want := range map[string]string{
		"D\x00\x00\x00\x00\x01":     "invalid message length",
		"D\xff\xff\xff\xff\x01\x02": "invalid message length",
		"D\x00\x00\x00\x05\x01":     "DataRow",
		"D\x00\x00\x00\x09\x00":     "unexpected EOF",
		"D\x00":                     "unexpected EOF",
	} {
		front := pgproto3.NewFrontend(&tap{conn: strings.NewReader(stream), buf: make([]byte, readBuffer), page: &page{}}, nil)
		if m, err := front.Receive(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %q", stream, m, err, want)
		}
	}
}

// A row that isn't what was asked for is an error, not other rows' bytes.
func TestCutBroken(t *testing.T) {
	for _, text := range []string{"", "\x00\x00\x00", "\x00\x00\x00\x02a", "\x00\x00\x00\x01a", "\x00\x00\x00\x01a\xff\xff\xff\xffb", "\x7f\xff\xff\xff", "\x00\x00\x00\x01a\x00\x00\x00\x01bc"} {
		if err := cut(text, make([]cell, 2)); !errors.Is(err, errCut) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
