package torture

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// planFile is where plans are saved, in the project's folder.
const planFile = "changes.plan"

// A plan is a saved plan that is being carried out: all processes of the stage run it, until it is fulfilled or given up.
type plan struct {
	rows     map[string][]plannedRow // by "pipeline key"
	state    int                     // of the sources, when it was made
	writes   int                     // that HubSpot had seen by then
	events   int64                   // the last one of the state by then
	position map[string]string       // the checkpoints
	refused  map[string]int          // rows that earlier plans had refused by then
}

// A plannedRow is a line of a saved plan. It is read without the program's own code, so that mistakes aren't shared.
type plannedRow struct {
	Of, Key, Action, Content string
	Version                  int64
	Leaves, Links            bool
}

// makePlan saves a plan of the sources as they are, which must write nothing, and has it carried out from now on. What killed
// processes have sent and committed has arrived before: it would be taken for the plan's, or for that of another run.
func (s *stage) makePlan() {
	s.t.Helper()
	s.hungUp(landing)
	s.audit.quiet()
	before := s.audit.dump()
	list := s.written(func() {
		if r := s.start(launch{args: []string{"plan", "--out", planFile}}).wait(); r.code != exitDone {
			s.t.Fatalf("the plan: %v\n%s", &r, s.story())
		}
	})
	for table, text := range s.audit.dump() {
		if text != before[table] {
			s.t.Errorf("the plan has changed table %s of the state:\n%s\nwas\n%s", table, text, before[table])
		}
	}
	if len(list) > 0 {
		s.t.Errorf("the plan has written\n%s", strings.Join(list, "\n"))
	}
	events, err := s.audit.events(s.t.Context(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.plan = &plan{rows: s.readPlan(), state: s.state, writes: len(s.portal.Writes())}
	if len(events) > 0 {
		s.plan.events = events[len(events)-1].seq
	}
	if s.plan.position, err = s.audit.positions(); err != nil {
		s.t.Fatal(err)
	}
	b, err := s.audit.look()
	if err != nil {
		s.t.Fatal(err)
	}
	s.plan.refused = b.refused
	s.args = append(slices.Clone(wholeRun), "--plan", planFile)
}

// readPlan reads the plan that was saved.
func (s *stage) readPlan() map[string][]plannedRow {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, planFile))
	if err != nil {
		s.t.Fatal(err)
	}
	rows := map[string][]plannedRow{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var row plannedRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			s.t.Fatalf("the plan has the line %q: %v", lines.Text(), err)
		}
		if row.Of != "" {
			name := row.Of + " " + row.Key
			rows[name] = append(rows[name], row)
		}
	}
	return rows
}

// giveUp has the next processes run without the plan.
func (s *stage) giveUp() { s.plan, s.args = nil, wholeRun }

// fulfil carries the plan out to its end. Then it has nothing left to do, and the oracle is asked.
func (s *stage) fulfil() {
	s.t.Helper()
	s.finish()
	s.idle()
	s.report(s.fulfilled())
	programme.count("plan fulfilled")
	unchanged := s.plan.state == s.state && !s.hasty
	s.giveUp()
	if unchanged {
		if list := s.written(func() { s.attempt() }); len(list) > 0 {
			s.t.Errorf("the plan was fulfilled, and yet the next run has written\n%s\n%s", strings.Join(list, "\n"), s.story())
		}
	}
}

// fulfilled returns what a plan has left undone that was carried out to its end.
func (s *stage) fulfilled() []violation {
	s.t.Helper()
	v := &verdict{stage: s, want: s.wanted()}
	b, err := s.audit.look()
	if err != nil {
		s.t.Fatal(err)
	}
	v.fulfilled(s.look(), b)
	return v.list
}

// fulfilled: all that was planned is written, but for rows that have changed since; these, and no others, are refused.
func (v *verdict) fulfilled(c *crm, b *books) {
	changed, ever := v.stage.changed(v.stage.state), map[string]bool{}
	for state := v.stage.plan.state + 1; state <= v.stage.state; state++ {
		maps.Copy(ever, v.stage.changed(state)) // a row that is rejected for another reason by now stays refused until all is read
	}
	for object, byKey := range v.want.records {
		for key, row := range byKey {
			name := pipelineOf[object] + " " + key
			list := c.records[object][key]
			there := len(list) == 1 && v.want.allows(object, key, list[0])
			switch {
			case there || b.held[name]:
			case key <= reached(pipelineOf[object], v.stage.plan.position[pipelineOf[object]]):
				programme.count("behind the checkpoint of a plan")
			case changed[name] && b.refused[name] == 1:
				programme.count("refused, as it has changed since the plan")
			case changed[name]:
				v.blame("plan", name, "has changed since, HubSpot has %v, and no dead letter says so; want %v", list, row)
			case !v.want.mayReject(name):
				v.blame("plan", name, "was planned and hasn't changed, but HubSpot has %v, want %v", list, row)
			}
		}
	}
	for _, name := range sorted(b.refused) {
		passed := len(v.stage.plan.rows[name]) == 0 && v.stage.plan.refused[name] > 0 // the next run that reads all closes it
		if !ever[name] && !passed {
			v.blame("plan", name, "is refused as changed, but it hasn't changed since the plan")
		}
	}
}

// changed returns the rows that aren't in a state of the sources as they were when the plan was made, by "pipeline key".
func (s *stage) changed(state int) map[string]bool {
	all := map[string][2]string{}
	for i, state := range []int{s.plan.state, state} {
		for _, sheet := range sheets(state) {
			for _, row := range sheet.rows { // of a key that is there twice, the last
				key := row[sheet.columns[0]]
				if sheet.name == "memberships" {
					key += "|" + row["firm"]
				}
				both := all[sheet.name+" "+key]
				text, _ := json.Marshal(row)
				both[i] = string(text)
				all[sheet.name+" "+key] = both
			}
		}
	}
	names := map[string]bool{}
	for name, both := range all {
		if both[0] != both[1] {
			names[name] = true
		}
	}
	return names
}

// unplanned: nothing is written down or written that the plan doesn't hold, and no checkpoint moves. It is asked between
// processes.
func (s *stage) unplanned() []violation {
	if s.plan == nil {
		return nil
	}
	v := &verdict{stage: s}
	events, err := s.audit.events(s.t.Context(), s.plan.events)
	if err != nil {
		v.blame("plan", "", "the state can't be read: %v", err)
	}
	for _, e := range events {
		switch e.kind {
		case "checkpoint":
			v.blame("plan", e.pipeline, "its checkpoint was moved to %s", e.data)
		case "intend":
			v.plannedGroup(e)
		}
	}
	positions, err := s.audit.positions()
	if err != nil {
		v.blame("plan", "", "the checkpoints can't be read: %v", err)
	}
	for pipeline, position := range s.plan.position {
		if positions[pipeline] != position {
			v.blame("plan", pipeline, "its checkpoint was %s, and is %q", position, positions[pipeline])
		}
	}
	v.plannedWrites(s.look())
	return v.list
}

// plannedGroup: each intent is of a row of the plan, with the content that was planned of it.
func (v *verdict) plannedGroup(e event) {
	intents, err := unpack(e.data)
	if err != nil {
		v.blame("plan", e.pipeline, "group %s: %v", e.id, err)
	}
	for _, i := range intents {
		name, fits := e.pipeline+" "+i.key, false
		for _, row := range v.stage.plan.rows[name] {
			content, _ := hex.DecodeString(row.Content)
			writes := i.action == '-' && row.Action == "archive" || i.action != '-' && (row.Action == "create" || row.Action == "update") && string(content) == i.hash
			fits = fits || writes && i.version == row.Version+1
		}
		if !fits {
			v.blame("plan", name, "%c of version %d is intended, but planned is %+v", i.action, i.version, v.stage.plan.rows[name])
		}
	}
}

// plannedWrites: each write is of a row of the plan, and sets what its source said when the plan was made.
func (v *verdict) plannedWrites(c *crm) {
	then := wanted(v.stage.setup, v.stage.plan.state)
	if v.stage.hasty && v.stage.plan.state > firstState {
		then.hasty()
	}
	for _, w := range c.writes[v.stage.plan.writes:] {
		if w.By != "api" {
			continue
		}
		key := c.keys[w.Object+" "+w.ID]
		names := []string{pipelineOf[w.Object] + " " + key}
		switch w.Action {
		case "link", "unlink":
			to := c.keys[w.ToObject+" "+w.ToID]
			names = append(names, pipelineOf[w.ToObject]+" "+to, "memberships "+key+"|"+to, "memberships "+to+"|"+key)
		default:
			row, or := then.records[w.Object][key], then.either[w.Object+" "+key]
			for name, value := range w.Properties {
				if row != nil && !guarded(w.Object, name) && value != row[name] && value != or[name] {
					v.blame("plan", names[0], "%s is set to %q, and was planned to be %q", name, value, row[name])
				}
			}
		}
		planned := false
		for _, name := range names {
			planned = planned || len(v.stage.plan.rows[name]) > 0
		}
		if !planned {
			v.blame("plan", names[0], "%s of %s %s %v isn't planned", w.Action, w.Object, w.ID, w.Properties)
		}
	}
}
