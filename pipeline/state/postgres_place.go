package state

import "context"

// placeQueries tell parts of a place, each by itself: a role that may not ask for one still learns the others. A server
// that is a standby, or that speaks Postgres's protocol without being one, doesn't answer all of them.
var placeQueries = []struct {
	part  func(*place) *string
	query string
}{
	{func(p *place) *string { return &p.System }, `select system_identifier::text from pg_control_system()`},
	{func(p *place) *string { return &p.Timeline }, `select left(pg_walfile_name(pg_current_wal_lsn()), 8)`},
	{func(p *place) *string { return &p.Database }, `select oid::text from pg_catalog.pg_database where datname = current_database()`},
	{func(p *place) *string { return &p.Ledger }, `select 'sluice.ledger'::regclass::oid::text`},
}

// place asks the server where the state is.
func (p *postgres) place(ctx context.Context) place {
	var here place
	for _, q := range placeQueries {
		err := p.view(ctx, func(v session) error {
			_, err := one(ctx, v, []any{q.part(&here)}, q.query)
			return err
		})
		if err != nil {
			*q.part(&here) = ""
		}
	}
	return here
}
