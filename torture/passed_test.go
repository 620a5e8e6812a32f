package torture

import (
	"encoding/json"
	"maps"
	"time"
)

// positions returns the checkpoints, by pipeline.
func (a *audit) positions() (map[string]string, error) {
	rows, err := a.db.Query("select pipeline, position from " + a.prefix + "progress where position is not null")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var pipeline string
		var position []byte
		if err := rows.Scan(&pipeline, &position); err != nil {
			return nil, err
		}
		all[pipeline] = string(position)
	}
	return all, rows.Err()
}

// quiet waits until Postgres has noticed that the killed processes are gone: a commit that one of them had sent may be made
// until then.
func (a *audit) quiet() {
	a.t.Helper()
	if a.prefix == "" {
		return
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		var n int
		err := a.db.QueryRow(`select count(*) from pg_stat_activity where datname = current_database() and application_name <> 'audit'
			and backend_type = 'client backend'`).Scan(&n)
		if err != nil {
			a.t.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("%d sessions of killed processes are still there after %v", n, patience)
		}
	}
}

// reached returns the key of firms up to which a checkpoint has come; "" is none, and "~" is all.
func reached(pipeline, position string) string {
	switch {
	case position == "":
		return ""
	case pipeline != "firms":
		return "~" // the files are read in one batch
	}
	var p struct {
		Phase string
		After []string
	}
	if json.Unmarshal([]byte(position), &p) == nil && len(p.After) == 1 {
		return p.After[0]
	}
	return "~"
}

// passed: no checkpoint has passed a row that isn't decided (I8). It is asked between processes: what lies before a
// checkpoint must be in HubSpot, or be named by a dead letter, whatever was killed.
func (s *stage) passed() []violation {
	v := &verdict{stage: s, want: s.wanted()}
	positions, err := s.audit.positions()
	if err != nil {
		v.blame("I8", "", "the checkpoints can't be read: %v", err)
		return v.list
	}
	maps.DeleteFunc(s.floor, func(pipeline, position string) bool { return positions[pipeline] == "" })
	if len(positions) == 0 {
		return nil
	}
	b, err := s.audit.look()
	if err != nil {
		v.blame("I8", "", "the state can't be read: %v", err)
		return v.list
	}
	c := s.look()
	for object, pipeline := range pipelineOf {
		from, to := reached(pipeline, s.floor[pipeline]), reached(pipeline, positions[pipeline])
		within := func(key string) bool { return key > from && key <= to }
		for key, row := range v.want.records[object] {
			if !within(key) || b.letters[pipeline+" "+key] > 0 {
				continue
			}
			if list := c.records[object][key]; len(list) == 0 || !v.want.allows(object, key, list[0]) {
				v.blame("I8", pipeline+" "+key, "the checkpoint %s has passed it, but HubSpot has %v, want %v", positions[pipeline], list, row)
			}
		}
		for _, name := range sorted(v.want.rejected) {
			if key, mine := cutPrefix(name, pipeline); mine && within(key) && b.letters[name] == 0 {
				v.blame("I8", name, "the checkpoint %s has passed it, but no dead letter names it", positions[pipeline])
			}
		}
	}
	return v.list
}
