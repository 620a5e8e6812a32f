package torture

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// TestOracle proves that the oracle can fail: after two clean runs it finds nothing, and then each promise that somebody
// breaks behind sluice's back.
func TestOracle(t *testing.T) {
	t.Parallel()
	s := newStage(t, setups["postgres"])
	s.finish()
	s.use(secondState)
	s.settle()
	noticed(t, s.damages(), func() []violation { return append(s.judge(), s.passed()...) })
	s.edit("create", "products", "", "description", "s999")
	if len(s.written(func() { s.edit("create", "products", "", "description", "s998") })) == 0 {
		t.Error("nobody noticed a write of a run that had nothing to do (I9)")
	}
}

// TestPlanOracle proves the same of what the oracle says of plans: of one that is carried out after some rows have changed.
func TestPlanOracle(t *testing.T) {
	t.Parallel()
	s := newStage(t, setups["postgres"])
	s.makePlan()
	s.use(secondState)
	s.finish()
	noticed(t, s.planDamages(), func() []violation { return append(s.fulfilled(), s.unplanned()...) })
}

// noticed fails unless each damage is noticed, which nobody does before it is done.
func noticed(t *testing.T, damages []damage, judge func() []violation) {
	t.Helper()
	for _, damage := range damages {
		meant := func(v violation) bool { return v.invariant == damage.invariant && strings.HasPrefix(v.key, damage.key) }
		if list := judge(); slices.ContainsFunc(list, meant) {
			t.Errorf("%s of %s was broken before it was damaged: %v", damage.invariant, damage.key, list)
		}
		damage.do()
		list := judge()
		if !slices.ContainsFunc(list, meant) {
			t.Errorf("nobody noticed the damage to %s of %s; noticed was %v", damage.invariant, damage.key, list[:min(5, len(list))])
		}
	}
}

// A damage breaks one promise, of one key.
type damage struct {
	invariant, key string
	do             func()
}

func (s *stage) damages() []damage {
	return []damage{
		{"I1", "products s001", func() { s.edit("create", "products", "", "description", "s001") }},
		{"I2", "firms f023", func() { s.exec("delete from sluice.dead_letter where key = 'f023'") }},
		{"I2", "firms f009", func() { s.exec("delete from sluice.waiting where key = 'f009'") }},
		{"I2", "firms f012", func() { s.exec("delete from sluice.dead_letter where key = 'f012'") }},
		{"I2", "memberships ", func() {
			s.exec("update sluice.waiting set since = since + interval '1 second' where pipeline = 'memberships'")
		}},
		{"I2", "products s002", func() { s.exec("update sluice.ledger set held = true where key = 's002'") }},
		{"I3", "people", func() { s.runs[len(s.runs)-1].reports[1].Read++ }},
		{"I4", "companies f003 name", func() {
			s.post("/crm/objects/2026-09/companies/batch/update", fmt.Sprintf(`{"inputs":[{"id":%q,"properties":{"name":"Firm 3"}}]}`, s.id("companies", "f003")))
		}},
		{"I5", "nobody-wrote-this-down", func() {
			s.post("/crm/objects/2026-09/companies/batch/create", `{"inputs":[{"objectWriteTraceId":"nobody-wrote-this-down","properties":{"name":"?"}}]}`)
		}},
		{"I5", "[1 2]", func() {
			s.post("/crm/associations/2026-09/contacts/companies/batch/associate/default", `{"inputs":[{"from":{"id":"1"},"to":{"id":"2"}}]}`)
		}},
		{"I5", "p001", func() {
			s.post("/crm/objects/2026-09/contacts/batch/update", fmt.Sprintf(`{"inputs":[{"objectWriteTraceId":%q,"id":%q,"properties":{"city":"Rome"}}]}`, s.trace("p001"), s.id("contacts", "p001")))
		}},
		{"I2", "people p013", func() { s.edit("update", "contacts", s.id("contacts", "p013"), sharedProperty, "Rome") }},
		{"kept", "people p004", func() { s.set("p004", sharedProperty, "Oslo") }},
		{"kept", "people p020", func() { s.set("p020", filledProperty, "Job 20") }},
		{"kept", "people p022", func() { s.set("p022", filledProperty, "Job 22, again") }},
		{"I6", "f004", func() {
			one := fmt.Sprintf(`{"objectWriteTraceId":%q,"id":"1","properties":{}}`, s.trace("f004"))
			s.post("/crm/objects/2026-09/companies/batch/update", `{"inputs":[`+one+`,`+one+`]}`)
		}},
		{"I6", "firms f005", func() {
			s.exec("insert into sluice.intent_group (id, pipeline, epoch, created_at, items) select 'again', pipeline, max(epoch), now(), " + packed("f005", 9, "a") + " from sluice.run where pipeline = 'firms' group by pipeline")
			s.exec("insert into sluice.intent_group (id, pipeline, epoch, created_at, items) select 'twice', pipeline, max(epoch), now(), " + packed("f005", 9, "b") + " from sluice.run where pipeline = 'firms' group by pipeline")
		}},
		{"I7", "firms", func() { s.exec("update sluice.run set report = '{}' where id = (select min(id) from sluice.run)") }},
		{"I8", "firms f006", func() {
			s.exec(`update sluice.progress set position = '{"phase":"keyed","after":["f008"]}' where pipeline = 'firms'`)
			s.edit("archive", "companies", s.id("companies", "f006"))
		}},
		{"I10", "deals d003", func() { s.edit("archive", "deals", s.id("deals", "d003")) }},
		{"I10", "p004 > f040", func() { s.edit("archive", "contacts", s.id("contacts", "p004")) }},
		{"I11", "", func() { s.limits = hubspottest.Limits{Enabled: true, Burst: 1, Associations: 1} }},
		{"I12", "the output of process 1", func() { s.runs[0].stderr += token }},
		{"I12", "throttle", func() { s.exec("update sluice.throttle set saved = '" + password + "'") }},
	}
}

// set sets a property of a contact as no sluice does.
func (s *stage) set(key, name, value string) {
	s.t.Helper()
	s.post("/crm/objects/2026-09/contacts/batch/update", fmt.Sprintf(`{"inputs":[{"id":%q,"properties":{%q:%q}}]}`, s.id("contacts", key), name, value))
}

// planDamages go beyond the plan, or fall short of it.
func (s *stage) planDamages() []damage {
	return []damage{
		{"plan", "firms f001", func() { s.edit("archive", "companies", s.id("companies", "f001")) }},
		{"plan", "firms f003", func() { s.exec("delete from sluice.dead_letter where key = 'f003'") }},
		{"plan", "firms f002", func() {
			s.exec("update sluice.dead_letter set key = 'f002' where code = 'plan_changed' and key = 'f010'")
		}},
		{"plan", "people p008", func() { s.set("p008", "lastname", "Other") }},
		{"plan", "firms " + firmKey(firmRows), func() {
			s.post("/crm/objects/2026-09/companies/batch/create", fmt.Sprintf(`{"inputs":[{"properties":{"firm_id":%q}}]}`, firmKey(firmRows)))
		}},
		{"plan", "firms f005", func() {
			s.exec("insert into sluice.intent_group (id, pipeline, epoch, created_at, items) select 'again', pipeline, max(epoch), now(), " + packed("f005", 9, "a") + " from sluice.run where pipeline = 'firms' group by pipeline")
		}},
		{"plan", "deals", func() { s.exec(`update sluice.progress set position = '{}' where pipeline = 'deals'`) }},
	}
}

// edit does something to a record as a person does.
func (s *stage) edit(action, object, id string, properties ...string) {
	s.t.Helper()
	e := hubspottest.Edit{Action: action, Object: object, ID: id, Properties: map[string]string{}}
	for pair := range slices.Chunk(properties, 2) {
		e.Properties[pair[0]] = pair[1]
	}
	if _, err := s.portal.Edit(e); err != nil {
		s.t.Fatal(err)
	}
}

// exec runs a statement in the state.
func (s *stage) exec(statement string) {
	s.t.Helper()
	if _, err := s.audit.db.Exec(statement); err != nil {
		s.t.Fatalf("%v, in: %s", err, statement)
	}
}

// post sends HubSpot a request that no sluice has sent.
func (s *stage) post(path, body string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	s.serve(httptest.NewRecorder(), r)
}

// id returns the id of the record that has a key.
func (s *stage) id(object, key string) string {
	s.t.Helper()
	r, ok := s.portal.Find(object, keyed[object], key)
	if !ok {
		s.t.Fatalf("%s has no %s", object, key)
	}
	return r.ID
}

// trace returns the trace id of the last write of a key.
func (s *stage) trace(key string) string {
	for trace, i := range s.audit.traces {
		if i.key == key {
			return trace
		}
	}
	s.t.Fatalf("%s was never written", key)
	return ""
}

// packed returns, as SQL, the intent of one update.
func packed(key string, version byte, trace string) string {
	b := append([]byte{3, 1, version * 2, 2}, 0xfc, 1) // 252 is '~', zigzag
	b = append(b, make([]byte, 16)...)
	for _, text := range []string{key, trace, "", ""} {
		b = append(append(b, byte(len(text))), text...)
	}
	b = append(b, 0) // properties that others may write
	return fmt.Sprintf(`'\x%x'::bytea`, b)
}
