package hubspot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// A link is a LinkSpec, with the places of its parts in the configuration.
type link struct {
	pipeline.LinkSpec
	fromPath, toPath, labelPath string
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Specs returns the links that a row stands for.
func (s *Sink) Specs() []pipeline.LinkSpec {
	specs := make([]pipeline.LinkSpec, len(s.links))
	for i, l := range s.links {
		specs[i] = l.LinkSpec
	}
	return specs
}

// associations works out which links a row stands for.
func (f *preflight) associations(ctx context.Context) error {
	if a := f.config.Associate; a != nil {
		from, to := sortedKeys(a.From)[0], sortedKeys(a.To)[0]
		f.addLink(link{
			fromPath: "associate.from", toPath: "associate.to", labelPath: "associate.",
			LinkSpec: pipeline.LinkSpec{
				Slot:       from + "." + a.From[from] + "/" + to + "." + a.To[to],
				FromObject: from, FromField: f.end("associate.from."+from, a.From[from]),
				ToObject: to, ToField: f.end("associate.to."+to, a.To[to]),
			},
		}, a.Type, a.Label)
	}
	for i, a := range f.config.Associations {
		path := fmt.Sprintf("associations.%d.", i)
		f.addLink(link{
			fromPath: "object", toPath: path + "to", labelPath: path,
			LinkSpec: pipeline.LinkSpec{
				Slot:       f.slot(a),
				FromObject: f.object, FromField: -1,
				ToObject: a.To, ToField: f.end(path+"id", a.ID),
			},
		}, a.Type, a.Label)
	}
	for _, l := range f.links {
		for _, at := range [][2]string{{l.fromPath, l.FromObject}, {l.toPath, l.ToObject}} {
			if _, err := f.resolveObject(ctx, at[0], at[1]); err != nil {
				return err
			}
		}
	}
	f.checkSlots()
	return nil
}

// slot names an association by its other end. The label is part of the name only where it must be to tell two apart, so
// that another label in the configuration relabels the links that are there.
func (f *preflight) slot(a Association) string {
	same := 0
	for _, other := range f.config.Associations {
		if other.To == a.To && other.ID == a.ID {
			same++
		}
	}
	slot := a.To + "/" + a.ID
	switch {
	case same == 1:
	case a.Type != 0:
		slot += "/" + typeLabel(a.Type)
	case a.Label.From != "":
		slot += "/{" + a.Label.From + "}"
	case a.Label.Name != "":
		slot += "/" + a.Label.Name
	}
	return slot
}

func (f *preflight) checkSlots() {
	seen := map[string]bool{}
	for _, l := range f.links {
		if seen[l.Slot] {
			f.errs = append(f.errs, fieldError(strings.TrimSuffix(l.labelPath, "."), "leave one of them out", "the same association is given twice"))
		}
		seen[l.Slot] = true
	}
}

// end returns the place of the field that names the record at one end of a link.
func (f *preflight) end(path, name string) int {
	at := field(f.in, name)
	if at < 0 {
		known := append(f.in.Names(pipeline.Link), f.in.Names(pipeline.Column)...)
		hint := didYouMean(name, known)
		if hint == "" {
			hint = "add it with resolve"
		}
		f.errs = append(f.errs, fieldError(path, hint, "no field of resolve and no column is named %q", name))
	}
	return at
}

func (f *preflight) addLink(l link, typeID int, label Label) {
	l.LabelField = -1
	switch {
	case typeID != 0:
		l.Label = typeLabel(typeID)
	case label.From != "":
		l.LabelField = f.in.Index(pipeline.Property, label.From)
		if l.LabelField < 0 {
			l.LabelField = f.in.Index(pipeline.Column, label.From)
		}
		if l.LabelField < 0 {
			known := append(f.in.Names(pipeline.Property), f.in.Names(pipeline.Column)...)
			f.errs = append(f.errs, fieldError(l.labelPath+"label.from", didYouMean(label.From, known), "no property of map and no column is named %q", label.From))
		}
	default:
		l.Label = label.Name
	}
	f.links = append(f.links, l)
}

// labels checks the fixed labels and types against those that the pair of objects has.
func (f *preflight) labels(ctx context.Context) error {
	for _, l := range f.links {
		from, to := f.paths[l.FromObject], f.paths[l.ToObject]
		if l.LabelField >= 0 && from != "" && to != "" {
			if err := f.fixedLabels(ctx, l, from, to); err != nil {
				return err
			}
		}
		if l.Label == "" || from == "" || to == "" {
			continue
		}
		known, err := f.portal.pairLabels(ctx, from, to)
		if err != nil {
			return err
		}
		if _, ok := findType(known, l.Label); ok {
			continue
		}
		at, hint := l.labelPath+"label", nearOrMake(l.Label, labelNames(known), "label")
		if _, ok := typeOf(l.Label); ok {
			at, hint = l.labelPath+"type", ""
		}
		f.errs = append(f.errs, fieldError(at, hint, "%s", noLabel(l.FromObject, l.ToObject, l.Label, known)))
	}
	return nil
}

// fixedLabels checks the labels of rows that map spells out.
func (f *preflight) fixedLabels(ctx context.Context, l link, from, to string) error {
	field := f.in.Fields[l.LabelField]
	if len(field.Fixed) == 0 {
		return nil
	}
	known, err := f.portal.pairLabels(ctx, from, to)
	if err != nil {
		return err
	}
	for _, label := range field.Fixed {
		if _, ok := findType(known, label); !ok {
			f.errs = append(f.errs, &pipeline.FieldError{Path: l.labelPath + "label.from", Field: field.Name, Hint: nearOrMake(label, labelNames(known), "label"),
				Err: errors.New(noLabel(l.FromObject, l.ToObject, label, known))})
		}
	}
	return nil
}

// typeLabel spells a type id where a label is expected: "#14".
func typeLabel(id int) string { return "#" + strconv.Itoa(id) }

// typeOf returns the type id that a label spells.
func typeOf(label string) (int, bool) {
	digits, ok := strings.CutPrefix(label, "#")
	if !ok {
		return 0, false
	}
	id, err := strconv.Atoi(digits)
	return id, err == nil && id > 0
}

// findType returns the type that a label names: "" is the plain relation, "#14" the type id 14. Labels are compared
// exactly, and where none is equal without regard to case.
func findType(known []crm.Label, label string) (crm.AssociationType, bool) {
	id, byID := typeOf(label)
	find := func(fits func(crm.Label) bool) (crm.AssociationType, bool) {
		at := slices.IndexFunc(known, fits)
		if at < 0 {
			return crm.AssociationType{}, false
		}
		return crm.AssociationType{Category: known[at].Category, ID: known[at].ID}, true
	}
	if byID {
		return find(func(l crm.Label) bool { return l.ID == id })
	}
	if t, ok := find(func(l crm.Label) bool { return l.Label == label }); ok || label == "" {
		return t, ok
	}
	return find(func(l crm.Label) bool { return foldText(l.Label) == foldText(label) })
}

func labelNames(known []crm.Label) []string {
	var names []string
	for _, l := range known {
		if l.Label != "" {
			names = append(names, l.Label)
		}
	}
	return names
}

func noLabel(from, to, label string, known []crm.Label) string {
	names := labelNames(known)
	if id, ok := typeOf(label); ok {
		ids := make([]string, len(known))
		for i, l := range known {
			ids[i] = strconv.Itoa(l.ID)
			if l.Label != "" {
				ids[i] += " (" + l.Label + ")"
			}
		}
		return fmt.Sprintf("no association type %d from %s to %s: there are %s", id, from, to, strings.Join(ids, ", "))
	}
	if len(names) == 0 {
		return fmt.Sprintf("no association label %s from %s to %s: there are no labels", pipeline.Quote(label), from, to)
	}
	return fmt.Sprintf("no association label %s from %s to %s: expected %s", pipeline.Quote(label), from, to, oneOf(label, names))
}

// isPlain tells whether a type is the plain relation that every label implies: the one without a label (API.md section
// 10.1). Between built-in objects it is HubSpot's own; that of a custom object is of the account's making, where HubSpot has
// none. Where none is listed, a type that isn't listed either is taken for it: to remove it may take every label along, while
// to keep the rest of a label that the account no longer has does no harm.
func isPlain(known []crm.Label, t crm.AssociationType) bool {
	has := func(category string, fits func(crm.Label) bool) bool {
		return slices.ContainsFunc(known, func(l crm.Label) bool { return l.Category == category && fits(l) })
	}
	if !has(t.Category, func(l crm.Label) bool { return l.ID == t.ID }) {
		_, told := findType(known, "")
		return !told
	}
	plain := "USER_DEFINED"
	if has(hubspotDefined, func(l crm.Label) bool { return l.Label == "" }) {
		plain = hubspotDefined
	}
	return t.Category == plain && has(plain, func(l crm.Label) bool { return l.ID == t.ID && l.Label == "" })
}
