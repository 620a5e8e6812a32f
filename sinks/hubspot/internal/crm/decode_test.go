package crm

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		HTTPStatus: 207, Status: "COMPLETE", NumErrors: 2, Links: map[string]string{"a": "b"}, CorrelationID: "c-1",
		StartedAt: "2026-11-20T09:00:00.100Z", CompletedAt: "2026-11-20T09:00:00.420Z", RequestedAt: "2026-11-20T09:00:00.000Z",
		Results: []Result{
			{ID: "701", TraceID: "r7-1", New: &yes, Properties: first, Warnings: []Warning{{
				Category: "PROPERTY_VALUE_NORMALIZED", Message: "m",
				Context: map[string]string{"propertyName": "renewal", "rawValue": "1763629200000"},
			}}},
			{ID: "702", Archived: true, Properties: map[string]string{"email": "twö@x.io \"q\" 🙂"}},
		},
		Errors: []ItemError{
			{
				Status: "error", Category: "VALIDATION_ERROR", SubCategory: "s", Links: map[string]string{},
				Message: `Property values were not valid: [{"isValid":false,"message":"Property \"colour\" does not exist",` +
					`"error":"PROPERTY_DOESNT_EXIST","name":"colour","portalId":62515}]`,
				Context: map[string][]string{"objectWriteTraceId": {"r7-2", "r7-5"}},
				Errors:  []DetailError{{Message: `Property "colour" does not exist`, Code: "PROPERTY_DOESNT_EXIST", Property: "colour"}},
			},
			{
				ID: "9", Status: "error", Category: "CONFLICT", Message: "Contact already exists. Existing ID: 555",
				Context: map[string][]string{"objectWriteTraceId": {"r7-3"}, "existingId": {"555"}},
				Errors: []DetailError{{
					Message: "m", Code: "C", In: "i", SubCategory: "s", Property: "email",
					Context: map[string][]string{"propertyName": {"email"}},
				}},
			},
		},
	}
}

// A partial answer is read whole: ids that are numbers, contexts that are lists or not, reasons inside the message.
func TestDecodeBatch(t *testing.T) {
	r := reply{207, http.Header{"X-Hubspot-Correlation-Id": {"c-1"}}, []byte(partial)}
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
		if strings.Join(e.MissingScopes(), " ") != tc.scopes || e.ExistingID() != tc.existing || len(e.Details) != tc.details || !e.Permanent() {
			t.Errorf("%+v", e)
		}
		if e.Path != "/crm/objects/2026-09/contacts/batch/update" || e.Method != http.MethodPost || e.Status != tc.status {
			t.Errorf("%+v", e)
		}
	}
}
