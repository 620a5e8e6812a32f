package hubspot

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A kind of property says how its values are written.
type kind uint8

const (
	kindText kind = iota
	kindNumber
	kindBool
	kindDate
	kindDatetime
	kindOption  // one value of an enumeration
	kindOptions // several values of an enumeration
)

// A property is one that rows are written to.
type property struct {
	name  string
	clear bool // a null is sent as ""
	skip  bool // not sent: it is how the record is addressed
	kind  kind
	html  bool // rich text, which HubSpot cleans
	phone bool // a phone number, which HubSpot may format

	ifEmpty, shared bool // see pipeline.Field

	options map[string]bool // that are allowed; nil: any
	values  []string        // of options, for messages

	translate meanings             // what labels stand for; nil: the text is the value
	folded    meanings             // the same by folded labels, for texts that no label is equal to
	labels    []string             // that can be translated, for messages
	stages    map[string]*property // of a stage that is given by its name: see stagesOf
	wanted    string               // what translate takes, such as "owner's e-mail address"
	unknown   string               // code of the error for a text that translate doesn't have
}

// newProperty returns how to write values of the property that d describes.
func newProperty(d crm.PropertyDefinition, clear bool) property {
	p := property{
		name: d.Name, clear: clear, kind: kindOf(d), html: d.FieldType == "html",
		phone: d.Type == "phone_number" || d.Type == "string" && d.FieldType == "phonenumber",
	}
	if (p.kind == kindOption || p.kind == kindOptions) && !d.ExternalOptions && len(d.Options) > 0 {
		p.options = make(map[string]bool, len(d.Options))
		for _, o := range d.Options {
			p.options[o.Value] = true
			p.values = append(p.values, o.Value)
		}
	}
	return p
}

func kindOf(d crm.PropertyDefinition) kind {
	switch d.Type {
	case "number":
		return kindNumber
	case "bool":
		return kindBool
	case "date":
		return kindDate
	case "datetime":
		return kindDatetime
	case "enumeration":
		if d.FieldType == "checkbox" {
			return kindOptions
		}
		return kindOption
	}
	return kindText
}

// builtInUnique are the properties that HubSpot's own objects can be upserted by; their hasUniqueValue flag is no
// reliable guide (API.md section 7).
var builtInUnique = map[string]string{
	"contacts":   "email",
	"products":   "hs_sku",
	"line_items": "hs_external_id",
	"tickets":    "hs_external_object_ids",
}

// A catalogue is what an object's properties are.
type catalogue struct {
	object     string // as the configuration names it
	path       string // as the API does
	properties map[string]crm.PropertyDefinition
}

// catalogueOf reads the properties of an object.
func (p *portal) catalogueOf(ctx context.Context, object, path string) (*catalogue, error) {
	definitions, err := p.Properties(ctx, path)
	if err != nil {
		return nil, explain(err)
	}
	c := &catalogue{object: object, path: path, properties: make(map[string]crm.PropertyDefinition, len(definitions))}
	for _, d := range definitions {
		if !d.Archived {
			c.properties[d.Name] = d
		}
	}
	return c, nil
}

// names returns the names of the properties that fit, sorted.
func (c *catalogue) names(fit func(crm.PropertyDefinition) bool) []string {
	var names []string
	for name, d := range c.properties {
		if fit(d) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func writable(d crm.PropertyDefinition) bool { return !d.ReadOnly }

// unique tells whether records can be looked up, and upserted, by the property.
func (c *catalogue) unique(d crm.PropertyDefinition) bool {
	if name, ok := builtInUnique[classicName(c.path)]; ok && d.Name == name {
		return true
	}
	return d.HasUniqueValue && d.Name != recordID
}

// requireUnique returns an error at path unless name is a property that tells records apart.
func (c *catalogue) requireUnique(path, name string) error {
	d, ok := c.properties[name]
	if !ok {
		return fieldError(path, nearOrMake(name, c.names(c.unique), "property"), "%s have no property %q", c.object, name)
	}
	if c.unique(d) {
		return nil
	}
	hint := "create a property with hasUniqueValue; an existing property can't be made unique"
	if unique := c.names(c.unique); len(unique) > 0 {
		hint = "unique properties of " + c.object + " are " + strings.Join(unique, ", ")
	}
	return fieldError(path, hint, "property %q isn't unique: HubSpot would answer \"Unable to perform update/upsert by non-unique %s property %s\"",
		name, c.path, name)
}

// foldNumber returns a decimal number in the one form that it is compared in.
func foldNumber(s string) string {
	n, ok := decimal(s)
	if !ok {
		return s
	}
	digits, negative := strings.CutPrefix(n, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if negative && whole != "0" {
		return "-" + whole
	}
	return whole
}

// standardObjects are HubSpot's own objects by the name that people use, with what paths take: the name where that is
// dependable, else the object type id (API.md sections 3 and 3.2).
var standardObjects = map[string]string{
	"contacts": "contacts", "companies": "companies", "deals": "deals", "tickets": "tickets", "products": "products",
	"line_items": "line_items", "quotes": "quotes", "communications": "communications", "tasks": "tasks", "notes": "notes",
	"meetings": "meetings", "calls": "calls", "emails": "emails", "postal_mail": "postal_mail",
	"feedback_submissions": "feedback_submissions",

	"invoices": "0-53", "marketing_events": "0-54", "subscriptions": "0-69", "goals": "0-74", "discounts": "0-84",
	"fees": "0-85", "taxes": "0-86", "commerce_payments": "0-101", "users": "0-115", "orders": "0-123", "leads": "0-136",
	"carts": "0-142", "services": "0-162", "courses": "0-410", "listings": "0-420", "appointments": "0-421", "projects": "0-970",
}

// classicNames are the names of those object type ids for which paths take a name, or something here depends on it.
var classicNames = map[string]string{
	"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-7": "products", "0-8": "line_items", "0-14": "quotes",
	"0-18": "communications", "0-19": "feedback_submissions", "0-27": "tasks", "0-46": "notes", "0-47": "meetings", "0-48": "calls",
	"0-49": "emails", "0-116": "postal_mail", "0-136": "leads",
}

// classicName returns the name of a classic object that is given by its id.
func classicName(path string) string {
	if name, ok := classicNames[path]; ok {
		return name
	}
	return path
}

var objectTypeID = regexp.MustCompile(`^\d+-\d+$`)

// objectPath returns what paths call an object, which may be named by the name of a standard object, an object type id,
// or a custom object's name, fully qualified name or label. However it is named, that is one and the same: by it objects are
// compared.
func (p *portal) objectPath(ctx context.Context, at, object string) (string, error) {
	if path, ok := standardObjects[strings.ToLower(classicName(object))]; ok {
		return path, nil
	}
	if objectTypeID.MatchString(object) {
		return object, nil
	}
	schemas, err := p.customObjects(ctx)
	if err != nil {
		return "", err
	}
	var known []string
	for _, s := range schemas {
		for _, name := range []string{s.FullyQualifiedName, s.Name, "p_" + s.Name, s.Plural, s.Singular} {
			if name != "" && strings.EqualFold(name, object) {
				return s.ID, nil
			}
		}
		known = append(known, s.Name)
	}
	for name := range standardObjects {
		known = append(known, name)
	}
	slices.Sort(known)
	hint := nearOrMake(object, known, "custom object")
	if plural := strings.TrimSuffix(strings.ToLower(object), "y") + "ies"; slices.Contains(known, plural) {
		hint = "did you mean " + pipeline.Quote(plural) + "?" // too many letters differ for a misspelling
	}
	return "", fieldError(at, hint, "unknown object %q", object)
}

// field returns the place of a Link field of that name, or else of a column.
func field(in *pipeline.Schema, name string) int {
	if at := in.Index(pipeline.Link, name); at >= 0 {
		return at
	}
	return in.Index(pipeline.Column, name)
}
