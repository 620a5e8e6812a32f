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

// collision refuses the second of two rows that stand for one record, such as "record 701".
func collision(record, first string) error {
	return pipeline.Rejectf("key_collision", "key %s stands for the same record (%s): a record can belong to one row only", pipeline.Quote(first), record)
}

// refusal returns why HubSpot refused a row, with the values that it names.
func (w *writing) refusal(e entry, item *crm.ItemError) error {
	code := strings.ToLower(item.Category)
	var reasons []string
	for i := range item.Errors {
		d := &item.Errors[i]
		if i == 0 && d.Code != "" {
			code = strings.ToLower(d.Code)
		}
		reasons = append(reasons, w.reason(e, d))
	}
	if code == "" {
		code = "refused"
	}
	if len(reasons) == 0 {
		return pipeline.Rejectf(code, "hubspot refused the record: %w", item)
	}
	return pipeline.Rejectf(code, "hubspot refused the record: %s", strings.Join(reasons, "; "))
}

// reason returns why HubSpot refused a row, with the property and the value that was sent of it, if there are any.
func (w *writing) reason(e entry, d *crm.DetailError) string {
	value := e.valueOf(d.Property)
	switch {
	case d.Property == "":
		return d.Error()
	case value == "":
		return fmt.Sprintf("property %q: %s", d.Property, d.Error())
	}
	return fmt.Sprintf("property %q: %s: %s", d.Property, pipeline.Quote(value), d.Error())
}

// valueOf returns what is sent of a property, "" if it isn't.
func (e *entry) valueOf(name string) string {
	for _, p := range e.input.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
