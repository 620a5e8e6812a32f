package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sluice/pipeline"
)

// ConnectionKind is the connection "postgres".
var ConnectionKind = pipeline.Kind[pipeline.ConnectionConfig]{
	Name:    "postgres",
	Doc:     "A Postgres database to read from; a role that may only read is enough.",
	Example: `postgres: { url: "${WAREHOUSE_URL}" }`,
	New:     func() pipeline.ConnectionConfig { return &ConnectionConfig{} },
}

// ConnectionConfig says which database to connect to, as whom.
type ConnectionConfig struct {
	URL pipeline.Secret `yaml:"url,omitempty" doc:"Connection string, such as postgres://reader:${PGPASSWORD}@host/database; what it leaves out comes from the PG* variables of libpq."`
}

// poolSize is the number of connections that the sources of one connection share. Each holds one for the time of a page.
const poolSize = 4

const connectTimeout = 10 * time.Second

// A connection is a pool of connections to one database, shared by sources.
type connection struct {
	pool *pgxpool.Pool
	role string
}

// SetShorthand sets the connection string.
func (c *ConnectionConfig) SetShorthand(scalar string) error {
	c.URL = pipeline.Secret(scalar)
	return nil
}

// Connect connects to the database. Its errors never tell the connection string, which may hold a password.
func (c *ConnectionConfig) Connect(ctx context.Context, _ pipeline.Env) (io.Closer, error) {
	config, err := pgxpool.ParseConfig(string(c.URL))
	if err != nil {
		// The parser's error isn't passed on: it quotes what it couldn't take apart, passwords and all.
		return nil, fieldError("url", "write postgres://role:password@host:5432/database?sslmode=require, with special characters of the password as %40 and the like",
			"not a valid connection string, or the PG* variables don't fit it")
	}
	if !strings.Contains(string(c.URL), "pool_max_conns") {
		config.MaxConns = poolSize
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.BeforeConnect = install
	params := config.ConnConfig.RuntimeParams
	params["client_encoding"] = "UTF8"
	if params["application_name"] == "" {
		params["application_name"] = "sluice"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, connectError(config.ConnConfig.Password, err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, connectError(config.ConnConfig.Password, err)
	}
	return &connection{pool: pool, role: config.ConnConfig.User}, nil
}

// Close closes all connections.
func (c *connection) Close() error {
	c.pool.Close()
	return nil
}

// connectError says where the connection went, and as whom. What the server itself refused (a password, a role, a
// database) is an error of the url; a server that isn't reached may be so again later, with the same url.
func connectError(password string, err error) error {
	to := "connect"
	if e, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		to = fmt.Sprintf("connect to %s:%d, database %q, as role %q", e.Config.Host, e.Config.Port, e.Config.Database, e.Config.User)
		err = e.Unwrap()
	}
	text := err.Error()
	if password != "" {
		text = strings.NewReplacer(password, "***", url.QueryEscape(password), "***").Replace(text)
	}
	text = pipeline.OneLine(text)
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || !strings.HasPrefix(refused.Code, "28") && !strings.HasPrefix(refused.Code, "3D") {
		return fmt.Errorf("%s: %s", to, text)
	}
	return fieldError("url", "", "%s: %s", to, text)
}
