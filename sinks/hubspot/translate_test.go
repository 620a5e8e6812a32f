package hubspot

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sluice/pipeline"
	"sluice/sinks/hubspot/hubspottest"
)

var dealID = Need{Object: "deals", Properties: []NeedProperty{{Name: "deal_id", Type: "string", FieldType: "text", Unique: true}}}

// dealsWithPipelines serves a portal that has a second pipeline of deals.
func dealsWithPipelines(t *testing.T) (*hubspottest.Server, *portal, string) {
	t.Helper()
	server, rec, p := simulate(t, "2026-09", hubspottest.Switches{}, dealID)
	made := call(t, rec.url, "POST", "/crm/v3/pipelines/deals", `{"label":"Renewals","displayOrder":1,"stages":[
		{"label":"Offered","displayOrder":0,"metadata":{"probability":"0.5"}},{"label":"Closed Won","displayOrder":1,"metadata":{"probability":"1.0"}}]}`)
	id, _ := made["id"].(string)
	if id == "" {
		t.Fatal(made)
	}
	return server, p, id
}

// TestStageNames proves that pipelines and stages are found by their names or ids, a stage within the row's own pipeline, and
// that what isn't there is refused with the nearest.
func TestStageNames(t *testing.T) {
	server, p, renewals := dealsWithPipelines(t)
	s := open(t, p, &Config{Object: "deals", Match: []string{"deal_id"}, Translate: map[string]string{"pipeline": pipelineLabel, "dealstage": stageLabel}},
		schema("=dealstage", "=deal_id", "=pipeline", "=dealname"))
	ends := drive(t, s, []pipeline.Change{
		change("1", "closed won", "D-1", "renewals", "A"),
		change("2", "Closed Won", "D-2", "Sales Pipeline", "B"),
		change("3", "Offered", "D-3", "Sales Pipeline", "C"),
		change("4", "Offered", "D-4", "Renewal", "D"),
		change("5", "closedwon", "D-5", "default", "E"),
	})
	for trace, want := range map[string]string{"trace-1": done, "trace-2": done, "trace-3": "unknown_stage", "trace-4": "unknown_pipeline", "trace-5": done} {
		if ends[trace] != want {
			t.Errorf("%s: %s, want %s", trace, ends[trace], want)
		}
	}
	one, _ := server.Find("deals", "deal_id", "D-1")
	two, _ := server.Find("deals", "deal_id", "D-2")
	if one.Properties["pipeline"] != renewals || one.Properties["dealstage"] == "closedwon" || one.Properties["dealstage"] == "" || two.Properties["dealstage"] != "closedwon" {
		t.Errorf("got %v and %v", one.Properties, two.Properties)
	}

	alone := open(t, p, &Config{Object: "deals", Match: []string{"deal_id"}, Translate: map[string]string{"dealstage": stageLabel}}, schema("=dealstage", "=deal_id", "=dealname"))
	for stage, want := range map[string]string{"Offered": "", "Closed Won": "unknown_stage"} {
		c := []pipeline.Change{change("6", stage, "D-6", "F")}
		outcomes, err := alone.Prepare(t.Context(), c)
		got := ""
		if len(outcomes) > 0 {
			got = code(outcomes[0])
		}
		if got != want || err != nil {
			t.Errorf("%s without a pipeline: %q, %v", stage, got, err)
		}
	}
}

// TestFixedValues proves that values which the configuration spells out are checked before a row is read, at the property,
// with the nearest that there is.
func TestFixedValues(t *testing.T) {
	_, p, _ := dealsWithPipelines(t)
	how := map[string]string{"pipeline": pipelineLabel, "dealstage": stageLabel, "hubspot_owner_id": ownerEmail}
	for _, test := range []struct {
		pipeline, stage, owner string
		want                   string // the only error
	}{
		{"Renewals", "Offered", "ada@example.com", ""},
		{"Renewal", "Closed Won", "ada@example.com", `did you mean "Renewals"?`},
		{"Renewals", "Ofered", "ada@example.com", `did you mean "Offered"?`},
		{"Sales Pipeline", "Offered", "ada@example.com", `stage of pipeline "Sales Pipeline"`},
		{"Renewals", "Offered", "adda@example.com", `did you mean "ada@example.com"?`},
	} {
		in := schema("=dealstage", "=deal_id", "=pipeline", "=hubspot_owner_id")
		for at, value := range map[int]string{0: test.stage, 2: test.pipeline, 3: test.owner} {
			in.Fields[at].Fixed, in.Fields[at].Constant = []string{value}, true
		}
		c := &Config{Connection: "crm", Object: "deals", Match: []string{"deal_id"}, Translate: how}
		_, err := c.Open(t.Context(), env(p), in)
		got := fieldErrors(err)
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) == 0 || !strings.Contains(got[0], test.want)) {
			t.Errorf("%v: %q, want %q", test, got, test.want)
		}
	}
	for _, test := range []struct {
		stages []string
		want   string // the only error
	}{ // where each row tells its pipeline
		{[]string{"Closed Won"}, ""},
		{[]string{"Offered", "Closed Won"}, ""}, // of one pipeline, and of both
		{[]string{"Closed Won", "Offered", "Qualified To Buy"}, ""},
		{[]string{"Offered", "Closed Wonn"}, `it is no stage of any pipeline: expected "Closed Won"`},
		{[]string{"Closed Wonn", "Offered"}, `it is no stage of any pipeline: expected "Closed Won"`},
	} {
		in := schema("=dealstage", "=deal_id", "=pipeline")
		in.Fields[0].Fixed = test.stages
		c := &Config{Connection: "crm", Object: "deals", Match: []string{"deal_id"}, Translate: map[string]string{"pipeline": pipelineLabel, "dealstage": stageLabel}}
		_, err := c.Open(t.Context(), env(p), in)
		got := fieldErrors(err)
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want) || !strings.HasSuffix(got[0], `did you mean "Closed Won"?`)) {
			t.Errorf("%q: %q, want %q", test.stages, got, test.want)
		}
	}
	wrong := &Config{Connection: "crm", Object: "deals", Match: []string{"deal_id"}, Translate: map[string]string{"dealname": stageLabel, "pipeline": stageLabel}}
	_, err := wrong.Open(t.Context(), env(p), schema("=dealname", "=deal_id", "=pipeline"))
	if got := fieldErrors(err); len(got) != 2 || !strings.HasSuffix(got[0], `property "dealname" holds no stage; leave it out`) {
		t.Errorf("got %q", got)
	}
}

// TestDidYouMean proves that a hint names what was probably meant, and nothing where the spelling isn't what is wrong.
func TestDidYouMean(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"Salse", `did you mean "Sales"?`},
		{"Sales", ""}, // it is the label of two
		{"Service", ""},
	} {
		if got := didYouMean(test.name, []string{"Sales", "Sales", "Sales 2"}); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// call makes a request as another app does, and returns its answer.
func call(t *testing.T, base, method, path, body string) (answer map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer token")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestFixedLabels proves that labels which map spells out are checked before a row is read.
func TestFixedLabels(t *testing.T) {
	_, _, p := simulate(t, "2026-09", hubspottest.Switches{}, extID)
	in := schema("person", "company", "=role")
	in.Fields[2].Fixed = []string{"Primary", "Primry"}
	c := &Config{Connection: "crm", Associate: &Associate{From: map[string]string{"contacts": "person"}, To: map[string]string{"companies": "company"}, Label: Label{From: "role"}}}
	_, err := c.Open(t.Context(), env(p), in)
	if got := fieldErrors(err); len(got) != 1 || !strings.HasPrefix(got[0], `associate.label.from: no association label "Primry" from contacts to companies`) || !strings.HasSuffix(got[0], `did you mean "Primary"?`) {
		t.Errorf("got %q", got)
	}
}
