package crm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The 207 of API.md 5.5, with the extras of 8.2, 10.2 and 5.6.
const partial = `{"status":"COMPLETE","startedAt":"2026-11-20T09:00:00.100Z","completedAt":"2026-11-20T09:00:00.420Z",
 "requestedAt":"2026-11-20T09:00:00.000Z","numErrors":2,"links":{"a":"b"},"future":{"x":[1,2,{"y":"]"}]},
 "results":[
  {"id":"701","archived":false,"createdAt":"2026-11-20T09:00:00.300Z","objectWriteTraceId":"r7-1","new":true,
   "properties":{"email":"ok@x.io","hs_object_id":"701","empty":null,"number":5},"url":"https://x","warnings":[
    {"category":"PROPERTY_VALUE_NORMALIZED","message":"m","context":{"propertyName":"renewal","rawValue":1763629200000}}]},
  {"id":702,"archived":true,"properties":{"email":"tw\u00f6@x.io \"q\" \ud83d\ude42"}}],
 "errors":[
  {"status":"error","category":"VALIDATION_ERROR","subCategory":"s",
   "message":"Property values were not valid: [{\"isValid\":false,\"message\":\"Property \\\"colour\\\" does not exist\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"colour\",\"portalId\":62515}]",
   "context":{"objectWriteTraceId":["r7-2","r7-5"]},"links":{},"errors":[]},
  {"status":"error","category":"CONFLICT","message":"Contact already exists. Existing ID: 555","id":9,
   "context":{"objectWriteTraceId":"r7-3","existingId":[555]},
   "errors":[{"message":"m","code":"C","in":"i","subCategory":"s","context":{"propertyName":["email"]}}]}]}`

func decodedPartial(keepAll bool) BatchAnswer {
	yes := true
	first := map[string]string{"email": "ok@x.io"}
	if keepAll {
		first = map[string]string{"email": "ok@x.io", "hs_object_id": "701", "number": "5"}
	}
	return BatchAnswer{
		HTTPStatus: 207, Status: "COMPLETE", CorrelationID: "c-1", Date: time.Date(2026, 11, 20, 9, 0, 1, 0, time.UTC),
		Results: []Result{
			{ID: "701", TraceID: "r7-1", New: &yes, Created: time.Date(2026, 11, 20, 9, 0, 0, 300e6, time.UTC), Properties: first, Warnings: []Warning{{
				Category: "PROPERTY_VALUE_NORMALIZED", Message: "m",
				Context: map[string]string{"propertyName": "renewal", "rawValue": "1763629200000"},
			}}},
			{ID: "702", Archived: true, Properties: map[string]string{"email": "twö@x.io \"q\" 🙂"}},
		},
		Errors: []ItemError{
			{
				Category: "VALIDATION_ERROR", SubCategory: "s",
				Message: `Property values were not valid: [{"isValid":false,"message":"Property \"colour\" does not exist",` +
					`"error":"PROPERTY_DOESNT_EXIST","name":"colour","portalId":62515}]`,
				Context: map[string][]string{"objectWriteTraceId": {"r7-2", "r7-5"}},
				Errors:  []DetailError{{Message: `Property "colour" does not exist`, Code: "PROPERTY_DOESNT_EXIST", Property: "colour"}},
			},
			{
				ID: "9", Category: "CONFLICT", Message: "Contact already exists. Existing ID: 555",
				Context: map[string][]string{"objectWriteTraceId": {"r7-3"}, "existingId": {"555"}},
				Errors: []DetailError{{
					Message: "m", Code: "C", SubCategory: "s", Property: "email",
					Context: map[string][]string{"propertyName": {"email"}},
				}},
			},
		},
	}
}

// A partial answer is read whole: ids that are numbers, contexts that are lists or not, reasons inside the message.
func TestDecodeBatch(t *testing.T) {
	r := reply{207, http.Header{"X-Hubspot-Correlation-Id": {"c-1"}, "Date": {"Fri, 20 Nov 2026 09:00:01 GMT"}}, []byte(partial)}
	for _, keep := range []map[string]bool{nil, {"email": true}} {
		var got BatchAnswer
		if err := decodeBatch(r, keep, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodedPartial(keep == nil), got); diff != "" {
			t.Error("-want +got", diff)
		}
	}
	e := decodedPartial(true).Errors[1]
	if e.ExistingID() != "555" || e.TraceIDs()[0] != "r7-3" || e.Error() != "CONFLICT: Contact already exists. Existing ID: 555" {
		t.Error(e.ExistingID(), e.TraceIDs(), e.Error())
	}
}

// The skimmer agrees with encoding/json wherever it doesn't leave the answer to it, and never takes a part for a whole.
func FuzzSkimBatch(f *testing.F) {
	f.Add([]byte(partial), true)
	f.Add([]byte(good), false)
	f.Add([]byte(`{"results":[{"id":1}]}`), false)
	f.Add([]byte(`{"results":[{"id":"\ud800","properties":{"a":"\u0000","a":"\n"}}],"numErrors":"1"}`), false)
	f.Fuzz(func(t *testing.T, body []byte, some bool) {
		var keep map[string]bool
		if some {
			keep = map[string]bool{"email": true}
		}
		var skimmed, parsed BatchAnswer
		if !skimBatch(body, keep, &skimmed) {
			return
		}
		if !json.Valid(body) {
			t.Errorf("%q is skimmed, but no JSON", body)
		}
		if err := parseBatch(body, keep, &parsed); err == nil && !foldsKeys(body) {
			if diff := cmp.Diff(parsed, skimmed, cmpopts.EquateEmpty()); diff != "" {
				t.Error("-parsed +skimmed", diff)
			}
		}
	})
}

// foldsKeys tells whether the document may have keys that encoding/json matches without regard to case, or merges
// because they come twice.
func foldsKeys(body []byte) bool {
	for _, name := range []string{
		"results", "status", "errors", "id",
		"objectWriteTraceId", "new", "archived", "properties", "warnings", "\\u",
	} {
		exact := bytes.Count(body, []byte(`"`+name+`"`))
		if folded := bytes.Count(bytes.ToLower(body), []byte(`"`+strings.ToLower(name)+`"`)); folded != exact || exact > 1 {
			return true
		}
	}
	return bytes.Contains(body, []byte("\u212a")) || bytes.Contains(body, []byte("\u017f")) || bytes.Contains(body, []byte(`\u`))
}

// No beginning of an answer is an answer.
func TestDecodeTruncated(t *testing.T) {
	for n := range len(partial) {
		if err := decodeBatch(reply{body: []byte(partial[:n])}, nil, new(BatchAnswer)); err == nil {
			t.Fatalf("the first %d bytes are taken for the whole answer", n)
		}
	}
}

// An answer can't exhaust the stack.
func TestDecodeDeep(t *testing.T) {
	body := `{"x":` + strings.Repeat("[", 1<<20)
	if err := decodeBatch(reply{body: []byte(body)}, nil, new(BatchAnswer)); err == nil {
		t.Error("a bottomless answer is accepted")
	}
}

// sampleAnswer is HubSpot's answer to the upsert of a sample, about 51 kB.
func sampleAnswer() []byte {
	var body bytes.Buffer
	body.WriteString(`{"status":"COMPLETE","results":[`)
	for i, in := range sample() {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"id":"%d","objectWriteTraceId":%q,"createdAt":"2026-11-20T09:00:00.300Z","new":false,"archived":false,"properties":{"ext_id":%q`,
			i, in.TraceID, in.ID)
		for _, p := range in.Properties {
			fmt.Fprintf(&body, ",%q:%q", p.Name, p.Value)
		}
		body.WriteString(`}}`)
	}
	body.WriteString(`]}`)
	return body.Bytes()
}

// BenchmarkDecode compares the skimmer with encoding/json on an answer to 100 upserts.
func BenchmarkDecode(b *testing.B) {
	body := sampleAnswer()
	keep := map[string]bool{"ext_id": true}
	b.Run("skim", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !skimBatch(body, keep, new(BatchAnswer)) {
				b.Fatal("the answer is left to encoding/json")
			}
		}
	})
	b.Run("encoding_json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if err := parseBatch(body, keep, new(BatchAnswer)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Nothing in an answer is required, and nothing unexpected in it breaks the rest.
func TestDecodeIsTolerant(t *testing.T) {
	for _, body := range []string{
		`{}`, `{"results":null,"errors":null}`, `{"results":[],"numErrors":"3"}`, `{"results":[{}]}`, `{"errors":[{}]}`,
		`{"errors":[{"context":null,"errors":null,"links":null,"message":null}]}`,
		`{"errors":[{"context":[],"errors":["text",{"context":{"a":{"b":1}}}]}]}`,
		`{"errors":[{"message":"Property values were not valid: [broken"}]}`,
		`{"results":[{"id":null,"properties":[],"warnings":[{"context":{"a":null}}]}]}`,
		`{"results":[{"id":1.5e3,"properties":{"a":{"b":1},"c":true}}],"links":"x"}`,
		` {"results" : [ {"id" : "1"} , {"id":"2"} ] } `,
	} {
		if err := decodeBatch(reply{body: []byte(body)}, nil, new(BatchAnswer)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{``, `{`, `{"results":[{"id":"1"}]`, `{"results":[{"id":"1"}]}}`, `<html>`, `{"results":[{"id":"1}]}`} {
		if err := decodeBatch(reply{body: []byte(body)}, nil, new(BatchAnswer)); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
}

// Whole-request errors keep all that the body told (API.md 2.2, 5.6, 6.2, 6.3).
func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		status   int
		body     string
		want     string
		scopes   string
		existing string
		details  int
	}{
		{403, `{"status":"error","category":"MISSING_SCOPES","correlationId":"c","message":"This app hasn't been granted all required scopes.",
			"errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["crm.objects.contacts.write"]}}]}`,
			"update contacts: hubspot answered 403 MISSING_SCOPES: This app hasn't been granted all required scopes.; " +
				"give the app or service key one of the scopes crm.objects.contacts.write (correlation id c)", "crm.objects.contacts.write", "", 1},
		{409, `{"status":"error","category":"CONFLICT","correlationId":"c","message":"Contact already exists. Existing ID: 2926551"}`,
			"update contacts: hubspot answered 409 CONFLICT: Contact already exists. Existing ID: 2926551 (correlation id c)", "", "2926551", 0},
		{400, `{"status":"error","category":"VALIDATION_ERROR","message":"Cannot set PropertyValueCoordinates{propertyName=ext_id, value=E-1} on 702. 701 already has that value."}`,
			"update contacts: hubspot answered 400 VALIDATION_ERROR: Cannot set PropertyValueCoordinates{propertyName=ext_id, value=E-1} on 702. " +
				"701 already has that value.", "", "701", 0},
		{400, `{"status":"error","category":"VALIDATION_ERROR","message":"Property values were not valid: [{\"error\":\"INVALID_OPTION\",\"name\":\"color\",\"message\":\"m\"},` +
			`{\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"blarg\"}]","errors":[{"code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["blarg"]}}]}`,
			`update contacts: hubspot answered 400 VALIDATION_ERROR: Property values were not valid: [{"error":"INVALID_OPTION","name":"color","message":"m"},` +
				`{"error":"PROPERTY_DOESNT_EXIST","name":"blarg"}]`, "", "", 2},
		{401, `{"category":"INVALID_AUTHENTICATION","message":"The token ` + testToken + ` is\r\n\u001b[31mnot valid"}`,
			"update contacts: hubspot answered 401 INVALID_AUTHENTICATION: The token [redacted] is [31mnot valid; " +
				"check that access_token is complete, and that its app or service key still exists in this account", "", "", 0},
		{404, "<html>\n" + strings.Repeat("x", 5000),
			"update contacts: hubspot answered 404: <html> " + strings.Repeat("x", 193) + "…; check base_url and api_version (2026-09)", "", "", 0},
	} {
		c := serve(t, answerWith(tc.status, tc.body))
		_, err := c.BatchUpdate(t.Context(), "contacts", oneInput)
		e := asError(t, err)
		if e.Error() != tc.want {
			t.Errorf("%s\nwant\n%s", e, tc.want)
		}
		if strings.Join(e.MissingScopes(), " ") != tc.scopes || e.ExistingID() != tc.existing || len(e.Details) != tc.details {
			t.Errorf("%+v", e)
		}
		if e.Path != "/crm/objects/2026-09/contacts/batch/update" || e.Method != http.MethodPost || e.Status != tc.status {
			t.Errorf("%+v", e)
		}
	}
}
