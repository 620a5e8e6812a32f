package hubspottest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A pipeline is the way of a deal or ticket (3.6).
type pipeline struct {
	ID       string   `json:"id"`
	Label    string   `json:"label"`
	Order    int      `json:"displayOrder"`
	Archived bool     `json:"archived"`
	Stages   []*stage `json:"stages"`
	Created  stamp    `json:"createdAt"`
	Updated  stamp    `json:"updatedAt"`
}

// A stage is one step of it.
type stage struct {
	ID       string            `json:"id"`
	Label    string            `json:"label"`
	Order    int               `json:"displayOrder"`
	Archived bool              `json:"archived"`
	Metadata map[string]string `json:"metadata"`
	Write    string            `json:"writePermissions"`
}

// stageWrite is who may move records into a stage, of those that people make (3.6).
const stageWrite = "CRM_PERMISSIONS_ENFORCEMENT"

func (p *pipeline) stage(id string) *stage {
	for _, s := range p.Stages {
		if s.ID == id {
			return s
		}
	}
	return nil
}

func (p *pipeline) stageList() string {
	var list []string
	for _, s := range p.Stages {
		list = append(list, fmt.Sprintf("label: %q value: %q", s.Label, s.ID))
	}
	return strings.Join(list, ", ")
}

func (t *objectType) pipelineByID(id string) *pipeline {
	for _, p := range t.pipes {
		if p.ID == id {
			return p
		}
	}
	return nil
}

func (t *objectType) pipelineList() string {
	var list []string
	for _, p := range t.pipes {
		list = append(list, fmt.Sprintf("label: %q value: %q", p.Label, p.ID))
	}
	return strings.Join(list, ", ")
}

// addPipelines gives deals, tickets, leads and orders the pipeline that every portal starts with.
func (t *objectType) addPipelines(now time.Time) {
	stages := map[string][]string{ // ids, each with its label
		"deals": {"appointmentscheduled", "Appointment Scheduled", "qualifiedtobuy", "Qualified To Buy",
			"presentationscheduled", "Presentation Scheduled", "decisionmakerboughtin", "Decision Maker Bought-In",
			"contractsent", "Contract Sent", "closedwon", "Closed Won", "closedlost", "Closed Lost"},
		"tickets": {"1", "New", "2", "Waiting on contact", "3", "Waiting on us", "4", "Closed"},
		"leads": {"new-stage-id", "New", "attempting-stage-id", "Attempting", "connected-stage-id", "Connected",
			"qualified-stage-id", "Qualified", "unqualified-stage-id", "Unqualified"},
		"orders": {"open", "Open", "processed", "Processed", "shipped", "Shipped", "delivered", "Delivered", "cancelled", "Cancelled"},
	}[t.Name]
	if stages == nil {
		return
	}
	p := &pipeline{ID: "default", Label: "Default pipeline", Created: stamp{now}, Updated: stamp{now}}
	t.pipeline, t.stage = t.find("hs_pipeline"), t.find("hs_pipeline_stage")
	switch t.Name {
	case "deals":
		p.Label = "Sales Pipeline"
		t.pipeline, t.stage = t.find("pipeline"), t.find("dealstage")
	case "tickets":
		p.ID, p.Label = "0", "Support Pipeline"
	}
	for one := range slices.Chunk(stages, 2) {
		id, label := one[0], one[1]
		closed := map[string]string{"isClosed": "false"}
		if strings.HasPrefix(id, "closed") || id == "4" {
			closed["isClosed"] = "true"
		}
		p.Stages = append(p.Stages, &stage{ID: id, Label: label, Order: len(p.Stages), Metadata: closed, Write: stageWrite})
	}
	t.pipes = append(t.pipes, p)
}

func pipelineMethods(p []string) methods {
	switch {
	case len(p) == 1:
		return methods{"GET": listPipelines, "POST": createPipeline}
	case len(p) == 2:
		return methods{"GET": readPipeline, "PATCH": updatePipeline, "DELETE": deletePipeline}
	case len(p) == 3 && p[2] == "stages":
		return methods{"GET": listStages, "POST": createStage}
	case len(p) == 4 && p[2] == "stages":
		return methods{"GET": readStage, "PATCH": updateStage, "DELETE": deleteStage}
	}
	return nil
}

func listPipelines(c *call) *reply {
	return c.definition(http.StatusOK, func(t *objectType) (any, *apiError) {
		return map[string]any{"results": append([]*pipeline{}, t.pipes...)}, nil
	})
}

func createPipeline(c *call) *reply {
	p := &pipeline{}
	if err := c.decode(p); err != nil {
		return c.refuse(err)
	}
	return c.definition(http.StatusCreated, func(t *objectType) (any, *apiError) {
		return p, c.s.addPipeline(t, p, c.now)
	})
}

// addPipeline gives an object a pipeline, which gets the ids that it hasn't.
func (s *Server) addPipeline(t *objectType, p *pipeline, now time.Time) *apiError {
	if t.stage == nil {
		return invalid("%s has no pipelines", t.Name)
	}
	p.ID = or(p.ID, idText(s.nextRecordID()))
	if t.pipelineByID(p.ID) != nil {
		return newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A pipeline %s already exists", p.ID)
	}
	p.Created, p.Updated = stamp{now}, stamp{now}
	for _, step := range p.Stages {
		step.ID = or(step.ID, idText(s.nextRecordID()))
	}
	t.pipes = append(t.pipes, p)
	return nil
}

// aPipeline answers about the pipeline that the path names.
func (c *call) aPipeline(status int, fn func(*objectType, *pipeline) (any, *apiError)) *reply {
	return c.definition(status, func(t *objectType) (any, *apiError) {
		p := t.pipelineByID(c.route.rest[1])
		if p == nil {
			return nil, notFound("Pipeline %s does not exist", c.route.rest[1])
		}
		return fn(t, p)
	})
}

func readPipeline(c *call) *reply {
	return c.aPipeline(http.StatusOK, func(_ *objectType, p *pipeline) (any, *apiError) { return p, nil })
}

func updatePipeline(c *call) *reply {
	var body struct {
		Label *string `json:"label"`
		Order *int    `json:"displayOrder"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.aPipeline(http.StatusOK, func(_ *objectType, p *pipeline) (any, *apiError) {
		assign(&p.Label, body.Label)
		assign(&p.Order, body.Order)
		return p, nil
	})
}

func deletePipeline(c *call) *reply {
	return c.aPipeline(http.StatusNoContent, func(t *objectType, p *pipeline) (any, *apiError) {
		if len(t.pipes) == 1 {
			return nil, invalid("The last pipeline can't be deleted")
		}
		t.pipes = slices.DeleteFunc(t.pipes, func(x *pipeline) bool { return x == p })
		return nil, nil
	})
}

func listStages(c *call) *reply {
	return c.aPipeline(http.StatusOK, func(_ *objectType, p *pipeline) (any, *apiError) {
		return map[string]any{"results": p.Stages}, nil
	})
}

func createStage(c *call) *reply {
	st := &stage{}
	if err := c.decode(st); err != nil {
		return c.refuse(err)
	}
	return c.aPipeline(http.StatusCreated, func(_ *objectType, p *pipeline) (any, *apiError) {
		st.ID = or(st.ID, idText(c.s.nextRecordID()))
		if p.stage(st.ID) != nil {
			return nil, newError(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A stage %s already exists", st.ID)
		}
		p.Stages = append(p.Stages, st)
		return st, nil
	})
}

func (c *call) aStage(status int, fn func(*pipeline, *stage) (any, *apiError)) *reply {
	return c.aPipeline(status, func(_ *objectType, p *pipeline) (any, *apiError) {
		s := p.stage(c.route.rest[3])
		if s == nil {
			return nil, notFound("Stage %s does not exist", c.route.rest[3])
		}
		return fn(p, s)
	})
}

func readStage(c *call) *reply {
	return c.aStage(http.StatusOK, func(_ *pipeline, s *stage) (any, *apiError) { return s, nil })
}

func updateStage(c *call) *reply {
	var body struct {
		Label *string `json:"label"`
		Order *int    `json:"displayOrder"`
	}
	if err := c.decode(&body); err != nil {
		return c.refuse(err)
	}
	return c.aStage(http.StatusOK, func(_ *pipeline, s *stage) (any, *apiError) {
		assign(&s.Label, body.Label)
		assign(&s.Order, body.Order)
		return s, nil
	})
}

func deleteStage(c *call) *reply {
	return c.aStage(http.StatusNoContent, func(p *pipeline, s *stage) (any, *apiError) {
		p.Stages = slices.DeleteFunc(p.Stages, func(x *stage) bool { return x == s })
		return nil, nil
	})
}
