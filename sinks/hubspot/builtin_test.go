package hubspot

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

type listedLabel struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	Label    *string `json:"label"`
}

// labelLists are ways for an account to list its association types, none of which is documented.
var labelLists = map[string]func([]listedLabel) []listedLabel{
	"only what people have named": func(all []listedLabel) []listedLabel {
		return slices.DeleteFunc(all, func(l listedLabel) bool { return l.Category == hubspotDefined || l.Label == nil })
	},
	"HubSpot's own without names, the plain one last": func(all []listedLabel) []listedLabel {
		slices.SortFunc(all, func(a, b listedLabel) int { return a.TypeID - b.TypeID })
		for i := range all {
			if all[i].Category == hubspotDefined {
				all[i].Label = nil
			}
		}
		return all
	},
}

// listLabels makes a server list association types in another way.
func listLabels(server http.Handler, change func([]listedLabel) []listedLabel) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/labels") {
			server.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		var list struct {
			Results []listedLabel `json:"results"`
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
			panic(err)
		}
		list.Results = change(list.Results)
		body, _ := json.Marshal(list)
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
}

// TestLabelLists proves that links are the same however an account lists its types of association: HubSpot's own may be asked
// for by their ids, and a relabelled or removed link leaves nothing of its own behind and takes nothing of others' along.
func TestLabelLists(t *testing.T) {
	for name, change := range labelLists {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "2026-09", hubspottest.Switches{})
			b.rec.handler, b.sink.portal.labels = listLabels(b.rec.handler, change), nil
			open(t, b.sink.portal, &Config{Associate: &Associate{
				From: map[string]string{"companies": "a"}, To: map[string]string{"companies": "b"}, Type: 14,
			}}, schema("a", "b"))

			b.ends(b.link(b.ask("s", 0, 0, ""), b.ask("s", 1, 1, "Chair"), b.ask("s", 2, 2, "#1")), "done", "done", "done")
			b.foreign(0, 0)
			b.ends(b.link(b.ask("s", 0, 0, "Chair"), b.ask("s", 1, 1, ""), b.ask("s", 2, 2, "Member")), "done", "done", "done")
			b.want(0, 0, "plain+Chair+Foreign")
			b.want(1, 1, "plain")
			b.want(2, 2, "plain+Member")
			b.ends(b.link(b.drop("s", 0, 0), b.drop("s", 1, 1), b.drop("s", 2, 2)), "done", "done", "done")
			b.want(0, 0, "plain+Foreign")
			b.want(1, 1, "")
			b.want(2, 2, "")

			b = newBoatBench(t)
			b.rec.handler, b.sink.portal.labels = listLabels(b.rec.handler, change), nil
			b.ends(b.link(b.ask("s", 0, 0, ""), b.ask("s", 1, 1, "Member")), "done", "done")
			b.foreign(0, 0)
			b.ends(b.link(b.ask("s", 0, 0, "Chair"), b.ask("s", 1, 1, "Chair")), "done", "done")
			b.want(0, 0, "plain+Chair+Foreign")
			b.want(1, 1, "plain+Chair")
			b.ends(b.link(b.drop("s", 0, 0), b.drop("s", 1, 1)), "done", "done")
			b.want(0, 0, "plain+Foreign")
			b.want(1, 1, "")
		})
	}
}

// TestBuiltInsByID proves that an object is the same by its name and by its type id.
func TestBuiltInsByID(t *testing.T) {
	for id, name := range classicNames {
		for pair := range builtIns {
			if pair[0] == name && len(withBuiltIns(id, pair[1], nil)) == 0 {
				t.Errorf("nothing is known from %s to %s", id, pair[1])
			}
		}
	}
	b := newBench(t, "2026-09", hubspottest.Switches{})
	in := schema("=ext_id", "deal>0-3.hs_object_id")
	open(t, b.sink.portal, &Config{Object: "contacts", Match: []string{"ext_id"}, Associations: []Association{{To: "deals", ID: "deal"}}}, in)
}
