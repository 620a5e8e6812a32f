package hubspottest

import (
	"encoding/json"
	"net/http"
)

// propertyBatch is the body of a batch answer about properties.
type propertyBatch struct {
	Status    string      `json:"status"`
	Results   []*property `json:"results"`
	Errors    []*apiError `json:"errors,omitempty"`
	NumErrors int         `json:"numErrors,omitempty"`
	Started   stamp       `json:"startedAt"`
	Completed stamp       `json:"completedAt"`
}

// propertiesBatch runs one for every input and collects what goes wrong.
func propertiesBatch(c *call, status int, one func(*objectType, json.RawMessage) (*property, *apiError)) *reply {
	var body struct {
		Inputs []json.RawMessage `json:"inputs"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	if len(body.Inputs) > maxInputs {
		return c.refuse(invalid("The maximum number of inputs supported in a batch request is %d, but received %d", maxInputs, len(body.Inputs)))
	}
	out := propertyBatch{Status: "COMPLETE", Results: []*property{}, Started: stamp{c.now}, Completed: stamp{c.now}}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	t, err := c.typeOf(c.route.rest[0])
	if err != nil {
		return c.refuse(err)
	}
	for _, raw := range body.Inputs {
		p, err := one(t, raw)
		if err != nil {
			out.Errors = append(out.Errors, err)
			continue
		}
		out.Results = append(out.Results, p)
	}
	if out.NumErrors = len(out.Errors); out.NumErrors > 0 {
		status = http.StatusMultiStatus
	}
	return c.json(status, out)
}

func batchCreateProperties(c *call) *reply {
	return propertiesBatch(c, http.StatusCreated, func(t *objectType, raw json.RawMessage) (*property, *apiError) {
		return c.s.addProperty(c, t, raw)
	})
}

type nameInput struct {
	Name string `json:"name"`
}

func batchReadProperties(c *call) *reply {
	return propertiesBatch(c, http.StatusOK, func(t *objectType, raw json.RawMessage) (*property, *apiError) {
		var in nameInput
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, invalidJSON(raw, err)
		}
		p := t.find(in.Name)
		if p == nil {
			return nil, noProperty(in.Name)
		}
		return p, nil
	})
}

func batchArchiveProperties(c *call) *reply {
	rep := propertiesBatch(c, http.StatusOK, func(t *objectType, raw json.RawMessage) (*property, *apiError) {
		var in nameInput
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, invalidJSON(raw, err)
		}
		if p := t.find(in.Name); p != nil {
			return p, c.s.dropProperty(t, in.Name)
		}
		return nil, noProperty(in.Name)
	})
	if rep.status < 300 {
		return noContent()
	}
	return rep
}
