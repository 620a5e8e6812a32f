package crm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// BatchCreate makes records. The caller bounds inputs to MaxInputs and 1 MB (see Input.Size). It is sent once; an
// *Error tells by Effect whether records may have been made (API.md 11.2).
func (c *Client) BatchCreate(ctx context.Context, object string, inputs []Input) (*BatchAnswer, error) {
	return c.batchWrite(ctx, "create", object, inputs)
}

// BatchUpdate writes to records that exist: by ID, or by IDProperty. Bounds and errors are those of BatchCreate.
func (c *Client) BatchUpdate(ctx context.Context, object string, inputs []Input) (*BatchAnswer, error) {
	return c.batchWrite(ctx, "update", object, inputs)
}

// BatchUpsert makes records, or writes to those whose IDProperty has the value ID (API.md 7). Bounds and errors are
// those of BatchCreate.
func (c *Client) BatchUpsert(ctx context.Context, object string, inputs []Input) (*BatchAnswer, error) {
	return c.batchWrite(ctx, "upsert", object, inputs)
}

func (c *Client) batchWrite(ctx context.Context, verb, object string, inputs []Input) (*BatchAnswer, error) {
	if len(inputs) == 0 {
		return &BatchAnswer{}, nil // HubSpot accepts a request without inputs, silently (API.md 5.2)
	}
	op := verb + " " + object
	if err := tooMany(op, len(inputs), MaxInputs); err != nil {
		return nil, err
	}
	kept := idProperties(inputs)
	if verb == "create" {
		kept = nil // without an echoed trace id, results are matched by what they hold (API.md 5.4)
	}
	answer := new(BatchAnswer)
	err := c.do(ctx, call{
		op: op, method: http.MethodPost, path: c.paths.object(object, "batch", verb),
		body:   encodeInputs(inputs),
		decode: func(r reply) error { return decodeBatch(r, kept, answer) },
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// BatchRead returns the records with the given ids, or with these values of idProperty. Unknown ones are missing from
// the results and named by errors (API.md 5.6); a merged one is answered by its survivor, under another id.
func (c *Client) BatchRead(ctx context.Context, object, idProperty string, properties, ids []string, archived bool) (*BatchAnswer, error) {
	if len(ids) == 0 {
		return &BatchAnswer{}, nil
	}
	op := "read " + object
	if err := tooMany(op, len(ids), MaxInputs); err != nil {
		return nil, err
	}
	path := c.paths.object(object, "batch", "read")
	if archived {
		path += "?archived=true"
	}
	answer := new(BatchAnswer)
	err := c.do(ctx, call{
		op: op, method: http.MethodPost, path: path, safe: true,
		body:   encodeRead(idProperty, properties, ids),
		decode: func(r reply) error { return decodeTelling(r, answer) },
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// BatchArchive puts records into the recycle bin. HubSpot answers without a body, for none of them in particular, and
// doesn't mind ids that are gone (API.md 3.1); errors that it names all the same are in the answer.
func (c *Client) BatchArchive(ctx context.Context, object string, ids []string) (*BatchAnswer, error) {
	answer := new(BatchAnswer)
	if len(ids) == 0 {
		return answer, nil
	}
	op := "archive " + object
	if err := tooMany(op, len(ids), MaxInputs); err != nil {
		return nil, err
	}
	err := c.do(ctx, call{
		op: op, method: http.MethodPost, path: c.paths.object(object, "batch", "archive"), safe: true,
		body: encodeIDs(ids), bodyless: true,
		decode: func(r reply) error {
			if string(r.body) == noBody {
				answer.HTTPStatus, answer.CorrelationID = r.status, r.correlation()
				return nil
			}
			return decodeTelling(r, answer)
		},
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// statusComplete is the status of a batch that was worked through (API.md 5.5).
const statusComplete = "COMPLETE"

var errSilent = errors.New("it names no record, and doesn't say that the work is complete")

// decodeTelling reads an answer that says something by what it leaves out. One that names nothing is believed only if it is
// complete: anything else may be the answer of a machine on the way.
func decodeTelling(r reply, answer *BatchAnswer) error {
	if err := decodeBatch(r, nil, answer); err != nil {
		return err
	}
	if len(answer.Results)+len(answer.Errors) == 0 && answer.Status != statusComplete {
		return errSilent
	}
	return nil
}

func tooMany(op string, n, most int) error {
	if n <= most {
		return nil
	}
	return &Error{Op: op, Message: fmt.Sprintf("%d inputs in one request, but HubSpot takes %d", n, most), Effect: NoEffect}
}

// idProperties returns the names of the properties that results of a write are matched by.
func idProperties(inputs []Input) map[string]bool {
	names := map[string]bool{}
	for i := range inputs {
		if p := inputs[i].IDProperty; p != "" {
			names[p] = true
		}
	}
	return names
}
