package hubspot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// pipelineOf are the properties that hold a stage, and those that hold its pipeline (API.md section 8.4).
var pipelineOf = map[string]string{"dealstage": "pipeline", "hs_pipeline_stage": "hs_pipeline"}

// translate reads what a property's values are translated by.
func (f *preflight) translate(ctx context.Context, p *property, d crm.PropertyDefinition, how string) error {
	switch how {
	case ownerEmail:
		return f.owners(ctx, p)
	case pipelineLabel, stageLabel:
		return f.pipelines(ctx, p, how)
	}
	if len(d.Options) == 0 {
		f.errs = append(f.errs, fieldError("translate."+p.name, "leave it out", "property %q has no options to translate by", p.name))
	}
	p.vocabulary("option's label", "bad_option")
	for _, o := range d.Options {
		p.learn(o.Label, o.Value)
	}
	return nil
}

// meanings are the values that labels stand for: one each, or several where an account has given them the same label.
type meanings map[string][]string

func (m meanings) add(label, value string) {
	if !slices.Contains(m[label], value) {
		m[label] = append(m[label], value)
	}
}

// vocabulary begins what a property's values are translated by: what it takes, and the code of the error for what it doesn't.
func (p *property) vocabulary(wanted, unknown string) {
	p.translate, p.folded, p.wanted, p.unknown = meanings{}, meanings{}, wanted, unknown
}

// learn adds a label to what a property's values are translated by.
func (p *property) learn(label, value string) {
	p.translate.add(label, value)
	p.folded.add(foldText(label), value)
	p.labels = append(p.labels, label)
}

func (f *preflight) owners(ctx context.Context, p *property) error {
	owners, err := f.portal.Owners(ctx)
	if err != nil {
		return explain(err)
	}
	p.vocabulary("owner's e-mail address", "unknown_owner")
	p.options = map[string]bool{}
	for _, o := range owners {
		p.options[o.ID] = true
		if o.Email != "" {
			p.learn(o.Email, o.ID)
		}
	}
	return nil
}

// pipelines has a property's values translated by the names of the object's pipelines, or of their stages.
func (f *preflight) pipelines(ctx context.Context, p *property, how string) error {
	_, stage := pipelineOf[p.name]
	if is := stage || p.name == "pipeline" || p.name == "hs_pipeline"; !is || stage != (how == stageLabel) {
		f.errs = append(f.errs, fieldError("translate."+p.name, "leave it out", "property %q holds no %s", p.name, strings.TrimSuffix(how, "_label")))
		return nil
	}
	list, err := f.portal.Pipelines(ctx, f.path)
	if err != nil {
		return explain(err)
	}
	if !stage {
		p.vocabulary("pipeline's name", "unknown_pipeline")
		p.options = map[string]bool{}
		for _, l := range list {
			p.options[l.ID] = true
			p.learn(l.Label, l.ID)
		}
		return nil
	}
	p.stages = stagesOf(*p, list)
	return nil
}

// stagesOf returns how a stage's name is translated in each pipeline, by its id; and by "", where a row tells no pipeline:
// names that only one pipeline has.
func stagesOf(p property, list []crm.Pipeline) map[string]*property {
	stages := map[string]*property{}
	any := p
	any.vocabulary("name of a stage of one pipeline only (of several, map the pipeline, too)", "unknown_stage")
	any.options = map[string]bool{}
	seen := map[string]int{}
	for _, l := range list {
		for _, s := range l.Stages {
			seen[foldText(s.Label)]++
		}
	}
	for _, l := range list {
		own := p
		own.vocabulary(fmt.Sprintf("stage of pipeline %s", pipeline.Quote(l.Label)), "unknown_stage")
		own.options = map[string]bool{}
		for _, s := range l.Stages {
			own.options[s.ID], any.options[s.ID] = true, true
			own.learn(s.Label, s.ID)
			if seen[foldText(s.Label)] == 1 {
				any.learn(s.Label, s.ID)
			}
		}
		stages[l.ID] = &own
	}
	stages[""] = &any
	return stages
}

// stageIn returns how a stage is translated in the pipeline of that id.
func (p *property) stageIn(id string) *property {
	if own := p.stages[id]; own != nil {
		return own
	}
	return p.stages[""]
}

// stageFor returns how a stage that the configuration spells out is translated: in the pipeline that all rows have, else in
// any that knows it, if rows tell theirs.
func (p *property) stageFor(value, id string, told bool) *property {
	if id != "" || !told {
		return p.stageIn(id)
	}
	every := *p
	every.vocabulary("stage of any pipeline", "unknown_stage")
	for _, id := range slices.Sorted(maps.Keys(p.stages)) {
		own := p.stages[id]
		if _, err := own.lookup(value); err == nil {
			return own
		}
		for _, label := range own.labels {
			if !slices.Contains(every.labels, label) {
				every.learn(label, label)
			}
		}
	}
	return &every
}

// pipelineAt returns the place of the property that holds the pipeline of a stage's property; -1 if it isn't mapped.
func (s *Sink) pipelineAt(stage string) int {
	return slices.IndexFunc(s.props, func(p property) bool { return p.name == pipelineOf[stage] })
}

// fixed checks the values that the configuration spells out, as those of rows are when they are written.
func (f *preflight) fixed(context.Context) error {
	var text strings.Builder
	for _, field := range f.in.Fields {
		at := slices.IndexFunc(f.props, func(p property) bool { return p.name == field.Name })
		if field.Role != pipeline.Property || at < 0 || f.props[at].skip {
			continue
		}
		id, told := f.fixedPipeline(field.Name), f.pipelineAt(field.Name) >= 0
		for _, value := range field.Fixed {
			p := &f.props[at]
			if p.stages != nil {
				p = p.stageFor(value, id, told)
			}
			if _, err := p.encode(&text, pipeline.StringValue(value)); err != nil {
				candidates := p.labels
				if p.translate == nil {
					candidates = p.values
				}
				f.mapped(field.Name, didYouMean(value, candidates), "%w", err)
			}
		}
	}
	return nil
}

// fixedPipeline returns the id of the pipeline that all rows have, if the configuration spells it out.
func (f *preflight) fixedPipeline(stage string) string {
	at := f.pipelineAt(stage)
	if at < 0 {
		return ""
	}
	field := f.in.Fields[f.in.Index(pipeline.Property, f.props[at].name)]
	if len(field.Fixed) != 1 || !field.Constant {
		return ""
	}
	var text strings.Builder
	id, _ := f.props[at].encode(&text, pipeline.StringValue(field.Fixed[0]))
	return id
}
