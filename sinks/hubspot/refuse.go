package hubspot

import (
	"fmt"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

func refused(c *pipeline.Change, err error) pipeline.Outcome {
	return pipeline.Outcome{TraceID: c.TraceID, Verdict: pipeline.Refused, ID: c.ID, Err: err}
}

func collision(match, value, first string) error {
	return pipeline.Rejectf("key_collision", "key %s stands for the same record (%s %s): a record can belong to one row only",
		pipeline.Quote(first), match, pipeline.Quote(value))
}

// refusal returns why HubSpot refused a row, with the values that it names.
func (w *writing) refusal(e entry, item *crm.ItemError) error {
	if item.Category == "OBJECT_NOT_FOUND" && e.input.ID != "" && e.input.IDProperty == "" {
		return pipeline.Rejectf("gone", "record %s of %s is gone: it was archived or merged; restore it, or remove the row", e.input.ID, w.object)
	}
	code := strings.ToLower(item.Category)
	var reasons []string
	for i, d := range item.Errors {
		if i == 0 && d.Code != "" {
			code = strings.ToLower(d.Code)
		}
		if d.Property == "" {
			reasons = append(reasons, d.Message)
			continue
		}
		reasons = append(reasons, fmt.Sprintf("property %q: %s: %s", d.Property, pipeline.Quote(w.valueOf(e, d.Property)), d.Message))
	}
	if code == "" {
		code = "refused"
	}
	if len(reasons) == 0 {
		return pipeline.Rejectf(code, "hubspot refused the record: %w", item)
	}
	return pipeline.Rejectf(code, "hubspot refused the record: %s", strings.Join(reasons, "; "))
}

// valueOf returns what was sent of a property.
func (w *writing) valueOf(e entry, name string) string {
	for _, p := range e.input.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
