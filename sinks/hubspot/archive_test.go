package hubspot

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice/pipeline"
)

// TestArchiveAnswers proves that archiving counts as done only where the answer is HubSpot's, and for none of the records
// that it names in an error, but for those that aren't there any more.
func TestArchiveAnswers(t *testing.T) {
	const notAllowed = `{"status":"error","category":"FORBIDDEN","message":"no"`
	for name, test := range map[string]struct {
		status int
		answer string
		want   map[string]string // of records 701 and 702; what isn't in it is in doubt
	}{
		"no body":     {204, "", map[string]string{"trace-a": done, "trace-b": done}},
		"complete":    {200, `{"status":"COMPLETE","results":[]}`, map[string]string{"trace-a": done, "trace-b": done}},
		"named":       {207, `{"status":"COMPLETE","errors":[` + notAllowed + `,"context":{"ids":["702"]}}]}`, map[string]string{"trace-a": done, "trace-b": "forbidden"}},
		"gone anyway": {207, `{"status":"COMPLETE","errors":[{"category":"OBJECT_NOT_FOUND","context":{"ids":["702"]}}]}`, map[string]string{"trace-a": done, "trace-b": done}},
		"anonymous":   {207, `{"status":"COMPLETE","errors":[` + notAllowed + `}]}`, nil},
		"a proxy's":   {200, "<html>sign in</html>", nil},
		"an error":    {200, notAllowed + "}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, p := listen(t, scripted(func(string, []byte) (int, string) { return test.status, test.answer }), "2026-09")
			s := contacts(p, modeArchive, "")
			a, b := change("a"), change("b")
			a.Action, a.ID, b.Action, b.ID = pipeline.Archive, "701", pipeline.Archive, "702"
			outcomes, err := s.Write(t.Context(), []pipeline.Change{a, b})
			if err != nil {
				t.Fatal(err)
			}
			ends := map[string]string{}
			end(ends, map[string]string{}, byTrace(t, outcomes))
			if diff := cmp.Diff(test.want, ends, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
