package state

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	keywords = regexp.MustCompile(`^\s*[a-z_]+\s*=`)
	password = regexp.MustCompile(`(?i)(password\s*=\s*)('(?:[^'\\]|\\.)*'?|\S+)`)
)

// An Option is a choice of Open.
type Option func(*store)

// Log has the store tell what takes long.
func Log(log *slog.Logger) Option { return func(s *store) { s.log = log } }

// Open opens the store at url: "postgres://…", "postgresql://…", libpq's "key=value …", or "sqlite:path", whose file
// and folders are made with access for their owner only. It doesn't make tables; see Store.Migrate. No error holds the
// password. Close the store to free its connections.
func Open(ctx context.Context, url string, opts ...Option) (Store, error) {
	db, err := openDatabase(ctx, url)
	if err != nil {
		return nil, err
	}
	s := newStore(db, times)
	for _, option := range opts {
		option(s)
	}
	return s, nil
}

// OpenUsed opens the store at url if something has ever run on it, and returns nil otherwise. It makes neither a file nor
// tables.
func OpenUsed(ctx context.Context, url string, opts ...Option) (Store, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if _, err := os.Stat(strings.TrimPrefix(path, "//")); errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	s, err := Open(ctx, url, opts...)
	if err != nil {
		return nil, err
	}
	version, err := s.Version(ctx)
	if err != nil || version == 0 {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openDatabase(ctx context.Context, url string) (database, error) {
	scheme, rest, found := strings.Cut(url, ":")
	switch {
	case found && (scheme == "postgres" || scheme == "postgresql"), keywords.MatchString(url):
		return openPostgres(ctx, url)
	case found && scheme == "sqlite":
		return openSQLite(ctx, rest)
	case url == "":
		return nil, errors.New("open state: no URL: give one such as postgres://user@host/database or sqlite:.sluice/state.db")
	case found && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\@ `):
		// The rest isn't shown: it may hold a password.
		return nil, fmt.Errorf("open state: unknown scheme %q: expected postgres://user@host/database or sqlite:path", scheme)
	}
	return nil, errors.New("open state: the URL has no scheme: expected postgres://user@host/database or sqlite:path")
}

// badURL says what is wrong with a Postgres URL, without its password. An URL that can't be taken apart isn't shown at
// all, and neither is the parser's word on it, which may quote any part of it.
func badURL(text string, err error) error {
	detail := "it can't be taken apart; write special characters in the password as %XX"
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) && understood(text) {
		if _, cause, found := strings.Cut(parse.Error(), "`: "); found { // behind the URL itself
			detail = cause
		}
	}
	for _, secret := range secrets(text) {
		detail = strings.ReplaceAll(detail, secret, "xxxxx")
	}
	return fmt.Errorf("open state: bad Postgres URL: %s; expected postgres://user:password@host:5432/database or host=… dbname=…", detail)
}

func understood(text string) bool {
	if keywords.MatchString(text) {
		return strings.Count(text, "'")%2 == 0
	}
	_, err := url.Parse(text)
	return err == nil
}

func secrets(text string) []string {
	var list []string
	for _, m := range password.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.Trim(m[2], "'"), m[2])
	}
	if u, err := url.Parse(text); err == nil {
		if p, ok := u.User.Password(); ok && p != "" {
			list = append(list, p, url.QueryEscape(p), url.PathEscape(p))
		}
		if p := u.Query().Get("password"); p != "" {
			list = append(list, p, url.QueryEscape(p))
		}
	}
	return list
}
