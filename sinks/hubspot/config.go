package hubspot

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// Kind is the sink that writes records and associations to HubSpot.
var Kind = pipeline.Kind[pipeline.SinkConfig]{
	Name:    "hubspot",
	Doc:     "Writes records of any HubSpot object, or associations between records.",
	Example: "hubspot: { connection: crm, object: contacts, match: email }",
	New:     func() pipeline.SinkConfig { return &Config{OnConflict: conflictReject} },
}

// Modes of the sink.
const (
	modeCreate  = "create"
	modeUpdate  = "update"
	modeUpsert  = "upsert"
	modeArchive = "archive"
	modeLink    = "link"
	modeMirror  = "mirror"
)

// What to do with a create or upsert whose unique value another record has.
const (
	conflictReject = "reject"
	conflictUpdate = "update"
)

// What to do with an update whose record was archived or deleted in HubSpot.
const (
	goneReject   = "reject"
	goneRecreate = "recreate"
	goneIgnore   = "ignore"
)

// Ways to translate what a row says into what HubSpot stores.
const (
	ownerEmail    = "owner_email"
	optionLabel   = "option_label"
	pipelineLabel = "pipeline_label"
	stageLabel    = "stage_label"
)

// recordID is the property that holds a record's id. HubSpot doesn't accept it as idProperty (API.md section 7).
const recordID = "hs_object_id"

// A Config says what to write, and where.
type Config struct {
	Connection   string              `yaml:"connection" doc:"The name of a hubspot connection."`
	Object       string              `yaml:"object,omitempty" doc:"The object to write: contacts, companies, deals, … or a custom object by its name, label or object type id."`
	Mode         string              `yaml:"mode,omitempty" enum:"create,update,upsert,archive,link,mirror" doc:"Objects: create, update, upsert (default), archive, or mirror, which is upsert and also archives the records that this pipeline has made and whose rows have left the source. Associations: link (default), or mirror, which also removes what has left the source."`
	Match        []string            `yaml:"match,omitempty" doc:"The unique property that tells records apart, or hs_object_id. Of a list, the first that a record is found by counts, and new records are made with the first."`
	Associations []Association       `yaml:"associations,omitempty" doc:"Links from each record to other records."`
	Associate    *Associate          `yaml:"associate,omitempty" doc:"Makes each row a link between two records; no record is written."`
	OnConflict   string              `yaml:"on_conflict,omitempty" enum:"reject,update" doc:"What becomes of a row whose unique value another record has: reject (default), or update that record."`
	OnGone       string              `yaml:"on_gone,omitempty" enum:"reject,recreate,ignore" doc:"What becomes of a row whose record was archived or deleted in HubSpot: reject (default), recreate it (unless it was deleted for good), or ignore the row until it changes. For modes upsert, mirror and update."`
	MaxRejects   Share               `yaml:"max_rejects,omitempty" doc:"The share of the last 1,000 rows that may be rejected before the run stops, such as 10% or 0.1; no limit by default."`
	MaxChange    *Quota              `yaml:"max_change,omitempty" doc:"How many rows a run may write, but for the first, such as 20% of those that the pipeline has in HubSpot, or 500; in mode archive a number, which the first run keeps to as well. If there are more, nothing is written, and the run fails; see run --allow-mass-change. With it each run is planned first, so that the source is read twice. No limit by default."`
	MaxArchive   *Quota              `yaml:"max_archive,omitempty" doc:"For mode mirror: how many of the rows that the pipeline has in HubSpot may leave the source in one run, such as 5% or 200. If more have left, or all, nothing is archived or unlinked, and the run fails; see run --allow-mass-change. By default 10%, or 10 rows if that is more."`
	Properties   map[string]Property `yaml:"properties,omitempty" doc:"What sluice provision makes of properties that the account doesn't have, where that can't be told from map: by name. Those that exist are left as they are."`
	Translate    map[string]string   `yaml:"translate,omitempty" enum:"owner_email,option_label,pipeline_label,stage_label" doc:"Properties whose values are looked up: owner_email (an owner's e-mail address becomes the owner's id) option_label (an option's label becomes its value), pipeline_label (a pipeline's name becomes its id) or stage_label (the name of a stage, in the row's pipeline, becomes its id)."`
}

// A Property says what a property is to be like, if it has to be made (API.md section 3.5).
type Property struct {
	Type    string   `yaml:"type,omitempty" enum:"string,number,bool,date,datetime,enumeration" doc:"The type of its values. Default: what suits the values that map sends; string for match."`
	Label   string   `yaml:"label,omitempty" doc:"What people see; its name by default."`
	Group   string   `yaml:"group,omitempty" doc:"The group of properties that it is in, by its internal name; sluice by default. It is made if it isn't there."`
	Options []string `yaml:"options,omitempty" doc:"The values of an enumeration, each its own label."`
	Unique  bool     `yaml:"unique,omitempty" doc:"Whether no two records may have the same value. match, and what resolve looks up by, is unique by itself."`
}

// An Association is a link from the row's record to another one.
type Association struct {
	To    string `yaml:"to" doc:"The object at the other end."`
	ID    string `yaml:"id" doc:"A field of resolve, or a column that holds record ids."`
	Type  int    `yaml:"type,omitempty" doc:"The association type id, such as 14 for child to parent company."`
	Label Label  `yaml:"label,omitempty" doc:"The association label, or {from: column}; without type and label the default type is used."`
}

// An Associate makes each row a link between two records.
type Associate struct {
	From  map[string]string `yaml:"from" doc:"The first end: the object, and the field of resolve (or a column of record ids) that names the record."`
	To    map[string]string `yaml:"to" doc:"The other end, in the same way."`
	Type  int               `yaml:"type,omitempty" doc:"The association type id."`
	Label Label             `yaml:"label,omitempty" doc:"The association label, or {from: column}; without type and label the default type is used."`
}

// A Label is a fixed label, or the field of a row that holds it.
type Label struct {
	Name string `yaml:"name,omitempty" doc:"The label, the same for every row."`
	From string `yaml:"from,omitempty" doc:"The property of map, or the column, that holds the label; null means the default type."`
}

// SetShorthand takes a fixed label.
func (l *Label) SetShorthand(scalar string) error {
	l.Name = scalar
	return nil
}

// A Share is a part of a whole, from 0 to 1.
type Share struct {
	Of float64 `yaml:"of,omitempty" doc:"The share, from 0 to 1."`
}

// Pattern returns what a percentage and a number from 0 to 1 look like.
func (*Share) Pattern() string { return sharePattern }

const sharePattern = `^ *\+?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)? *%? *$`

var looksLikeShare = regexp.MustCompile(sharePattern).MatchString

// SetShorthand takes a percentage such as "10%", or a number from 0 to 1.
func (s *Share) SetShorthand(scalar string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(scalar), "%")
	of, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		of /= 100
	}
	if err != nil || !(of >= 0 && of <= 1) || !looksLikeShare(scalar) {
		return fmt.Errorf("%q is no share: expected a percentage such as 10%%, or a number from 0 to 1", scalar)
	}
	s.Of = of
	return nil
}

// Columns returns the source columns that the sink may read beside the fields that transforms have added.
func (c *Config) Columns() (names []string, ok bool) {
	add := func(name string) {
		if name != "" {
			names = append(names, name)
		}
	}
	for _, a := range c.Associations {
		add(a.ID)
		add(a.Label.From)
	}
	if c.Associate != nil {
		for _, end := range []map[string]string{c.Associate.From, c.Associate.To} {
			for _, name := range end {
				add(name)
			}
		}
		add(c.Associate.Label.From)
	}
	return names, true
}

// mode returns the mode, with its default.
func (c *Config) mode() string {
	switch {
	case c.Mode != "":
		return c.Mode
	case c.Associate != nil:
		return modeLink
	}
	return modeUpsert
}

// onGone returns the policy for records that are gone, as the engine knows it.
func (c *Config) onGone() pipeline.OnGone {
	switch c.OnGone {
	case goneRecreate:
		return pipeline.RecreateGone
	case goneIgnore:
		return pipeline.IgnoreGone
	}
	return pipeline.RejectGone
}
