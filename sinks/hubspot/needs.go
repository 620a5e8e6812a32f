package hubspot

import (
	"slices"

	"sluice/pipeline"
)

// A Need is what an account must have of one object before a sink can write to it.
type Need struct {
	Object     string
	Properties []NeedProperty
	Labels     []NeedLabel
}

// A NeedProperty is a property that rows are written to, or records are looked up by.
type NeedProperty struct {
	Name      string
	Type      string // as HubSpot names it (API.md section 3.5)
	FieldType string
	Unique    bool
	Label     string   // what people see; "": its name
	Group     string   // "": that of Provision
	Options   []string // of an enumeration
	Declared  bool     // the file says the type: one that exists with another is not what was asked for
}

// A NeedLabel is an association label from the Need's object to another.
type NeedLabel struct {
	To, Label string
}

// Needs returns what an account must have for rows of the schema: objects, properties with the type that suits their
// values, unique properties that records are told apart by, and the labels that the configuration names, those that map
// spells out among them. Labels that rows name are unknown here; see LabelField.
func (c *Config) Needs(in *pipeline.Schema) []Need {
	n := needs{}
	if c.Associate == nil && c.Object != "" {
		n.of(c.Object)
		for _, f := range in.Fields {
			if f.Role == pipeline.Property && f.Name != recordID && !c.isLabel(f.Name) {
				n.property(c.Object, f.Name, f.Type, slices.Contains(c.Match, f.Name))
			}
		}
	}
	for _, name := range sortedKeys(c.Properties) {
		n.declare(c.Object, name, c.Properties[name])
	}
	for _, name := range sortedKeys(c.Translate) {
		if c.Translate[name] == optionLabel {
			n.enumerate(c.Object, name)
		}
	}
	for _, f := range in.Fields {
		if f.Lookup != nil {
			n.property(f.Lookup.Object, f.Lookup.Property, pipeline.String, true)
		}
	}
	for _, l := range c.labelPairs() {
		n.of(l.to)
		for _, label := range l.label.spelt(in) {
			n.label(l.from, l.to, label)
		}
	}
	all := make([]Need, len(n))
	for i, need := range n {
		all[i] = *need
	}
	return all
}

// LabelField returns the field of rows that holds labels, with the two objects that it links, for each link that has
// one. What values it may have, the sink can't tell: the caller may, and append them to the Needs.
func (c *Config) LabelField() (fields []LabelSource) {
	for _, l := range c.labelPairs() {
		if l.label.From != "" {
			fields = append(fields, LabelSource{From: l.from, To: l.to, Field: l.label.From})
		}
	}
	return fields
}

// A LabelSource is a field of rows that holds the labels of links from one object to another.
type LabelSource struct {
	From, To, Field string
}

type labelPair struct {
	from, to string
	label    Label
}

func (c *Config) labelPairs() (pairs []labelPair) {
	for _, a := range c.Associations {
		pairs = append(pairs, labelPair{c.Object, a.To, a.Label})
	}
	if a := c.Associate; a != nil && len(a.From) == 1 && len(a.To) == 1 {
		pairs = append(pairs, labelPair{sortedKeys(a.From)[0], sortedKeys(a.To)[0], a.Label})
	}
	return pairs
}

// spelt returns the labels that the configuration spells out.
func (l Label) spelt(in *pipeline.Schema) []string {
	if at := in.Index(pipeline.Property, l.From); l.From != "" && at >= 0 {
		return in.Fields[at].Fixed
	}
	return []string{l.Name}
}

// isLabel tells whether a field of map holds the label of a link: it need not be a property of the record.
func (c *Config) isLabel(name string) bool {
	return slices.ContainsFunc(c.Associations, func(a Association) bool { return a.Label.From == name })
}

// needs are collected by object, in the order in which they are met.
type needs []*Need

func (n *needs) of(object string) *Need {
	for _, need := range *n {
		if need.Object == object {
			return need
		}
	}
	need := &Need{Object: object}
	*n = append(*n, need)
	return need
}

func (n *needs) label(from, to, label string) {
	need := n.of(from)
	if l := (NeedLabel{to, label}); label != "" && !slices.Contains(need.Labels, l) {
		need.Labels = append(need.Labels, l)
	}
}

func (n *needs) property(object, name string, t pipeline.Type, unique bool) {
	if name == recordID {
		return
	}
	need := n.of(object)
	at := slices.IndexFunc(need.Properties, func(p NeedProperty) bool { return p.Name == name })
	if at >= 0 {
		need.Properties[at].Unique = need.Properties[at].Unique || unique
		return
	}
	p := NeedProperty{Name: name, Type: "string", FieldType: "text", Unique: unique}
	if !unique { // unique properties are texts or numbers, and texts compare more simply (API.md section 7)
		p.Type, p.FieldType = propertyType(t)
	}
	need.Properties = append(need.Properties, p)
}

// declare adds what the file says of a property.
func (n *needs) declare(object, name string, d Property) {
	n.property(object, name, pipeline.String, d.Unique)
	need := n.of(object)
	p := &need.Properties[slices.IndexFunc(need.Properties, func(p NeedProperty) bool { return p.Name == name })]
	p.Label, p.Group, p.Options = d.Label, d.Group, d.Options
	if d.Unique && d.Type == "" {
		p.Type, p.FieldType = "string", "text"
	}
	if d.Type != "" {
		p.Type, p.FieldType, p.Declared = d.Type, fieldTypes[d.Type], true
	}
}

// enumerate has a property that labels of options are translated for be an enumeration, unless the file says otherwise.
func (n *needs) enumerate(object, name string) {
	list := n.of(object).Properties
	at := slices.IndexFunc(list, func(p NeedProperty) bool { return p.Name == name })
	if at >= 0 && !list[at].Declared {
		list[at].Type, list[at].FieldType = "enumeration", fieldTypes["enumeration"]
	}
}

// fieldTypes are the fields in which people see values of a type.
var fieldTypes = map[string]string{"string": "text", "number": "number", "bool": "booleancheckbox", "date": "date", "datetime": "date", "enumeration": "select"}

func propertyType(t pipeline.Type) (typ, fieldType string) {
	switch t {
	case pipeline.Bool:
		return "bool", "booleancheckbox"
	case pipeline.Int, pipeline.Decimal, pipeline.Float:
		return "number", "number"
	case pipeline.Date:
		return "date", "date"
	case pipeline.Time:
		return "datetime", "date"
	}
	return "string", "text"
}
