package hubspot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/sourcegraph/conc"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// Open checks everything that can be known before the first write: the account, objects, properties, labels and scopes.
// What is wrong with the configuration is returned all at once, as *pipeline.FieldError joined.
func (c *Config) Open(ctx context.Context, env pipeline.Env, in *pipeline.Schema) (pipeline.Sink, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	closer, err := env.Connection(ctx, c.Connection)
	if err != nil {
		return nil, err
	}
	p, ok := closer.(*portal)
	if !ok {
		return nil, fieldError("connection", "", "connection %q isn't of kind hubspot", c.Connection)
	}
	s := &Sink{
		portal: p, log: env.Log, mode: c.mode(), adopt: c.OnConflict == conflictUpdate, object: c.Object, match: -1,
		paths: map[string]string{}, kinds: map[lookupKey]kind{}, before: p.Requests(),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	f := preflight{Sink: s, config: c, in: in, bound: env.Account, catalogues: map[string]*catalogue{}}
	if err := f.run(ctx); err != nil {
		return nil, err
	}
	s.limits = s.newLimits(c)
	if s.limits.Unkeyed {
		s.log.Warn("create without match: a record whose creation gets no answer can't be looked up, and is held for review; name a unique property as match to avoid this",
			"pipeline", env.Pipeline, "object", c.Object)
	}
	return s, nil
}

// A preflight fills in a sink, and collects what is wrong with its configuration.
type preflight struct {
	*Sink
	config     *Config
	in         *pipeline.Schema
	bound      string // the account that is meant, if that is known
	catalogues map[string]*catalogue
	errs       []error
}

// run returns the errors of the configuration, or the first error of reading the account and its descriptions. The account
// is asked for together with the first description: a start takes one answer's time less.
func (f *preflight) run(ctx context.Context) error {
	var unnamed error
	var naming conc.WaitGroup
	naming.Go(func() { f.account, unnamed = f.portal.name(ctx) })
	err := f.read(ctx)
	naming.Wait()
	return cmp.Or(unnamed, f.foreign(), err)
}

// foreign refuses another account than the one that is meant. What is missing there is no reason to make it there.
func (f *preflight) foreign() error {
	if f.bound == "" || f.account == "" || f.account == f.bound {
		return nil
	}
	return &pipeline.AccountError{Bound: f.bound, Given: f.account}
}

// read reads the descriptions that the configuration needs, and checks it against them.
func (f *preflight) read(ctx context.Context) error {
	steps := []func(context.Context) error{f.record, f.associations, f.lookups, f.labels, f.fixed}
	for _, step := range steps {
		if err := f.keep(step(ctx)); err != nil {
			return err
		}
	}
	return errors.Join(f.errs...)
}

// keep collects an error about an option, and returns any other.
func (f *preflight) keep(err error) error {
	if _, ok := errors.AsType[*pipeline.FieldError](err); ok {
		f.errs = append(f.errs, err)
		return nil
	}
	return err
}

// catalogue returns the properties of the object named at a place of the configuration; nil if the object is unknown.
func (f *preflight) catalogue(ctx context.Context, at, object string) (*catalogue, error) {
	path, err := f.resolveObject(ctx, at, object)
	if path == "" || err != nil {
		return nil, err
	}
	if known, ok := f.catalogues[path]; ok {
		return known, nil
	}
	read, err := f.portal.catalogueOf(ctx, object, path)
	if err != nil {
		if e, ok := errors.AsType[*crm.Error](err); ok && (e.Status == 404 || e.Status == 400) {
			return nil, fieldError(at, "", "unknown object %q: %v", object, err)
		}
		return nil, err
	}
	f.catalogues[path] = read
	return read, nil
}

// resolveObject returns the path of an object, and remembers it; "" after an error that was kept.
func (f *preflight) resolveObject(ctx context.Context, at, object string) (string, error) {
	if path, ok := f.paths[object]; ok {
		return path, nil
	}
	path, err := f.portal.objectPath(ctx, at, object)
	if err != nil {
		return "", f.keep(err)
	}
	f.paths[object] = path
	return path, nil
}

// record checks the object that is written and the properties that are mapped.
func (f *preflight) record(ctx context.Context) error {
	if f.config.Associate != nil {
		for _, field := range f.in.Fields {
			f.checkPolicy(field, "associate", true, "associate writes links only")
		}
		return nil
	}
	known, err := f.catalogue(ctx, "object", f.object)
	if known == nil || err != nil {
		return err
	}
	f.path = known.path
	for _, field := range f.in.Fields {
		if field.Role == pipeline.Property {
			if err := f.property(ctx, known, field); err != nil {
				return err
			}
		}
	}
	f.checkMatches(known)
	for _, name := range sortedKeys(f.config.Translate) {
		if !slices.ContainsFunc(f.props, func(p property) bool { return p.name == name }) {
			f.errs = append(f.errs, fieldError("translate."+name, "add it to map", "property %q isn't mapped", name))
		}
	}
	return nil
}

// property appends what is known of a mapped property. In mode archive only the match property matters.
func (f *preflight) property(ctx context.Context, known *catalogue, field pipeline.Field) error {
	d, ok := known.properties[field.Name]
	p := newProperty(d, field.Clear)
	if p.name = field.Name; p.name == recordID {
		p.kind = kindText // an id is no number to count with
	}
	switch {
	case field.Name == recordID && slices.Contains(f.config.Match, recordID), f.mode == modeArchive:
		p.skip = true
	case !ok && f.config.isLabel(field.Name):
		p.skip = true
	case !ok:
		f.mapped(field.Name, nearOrMake(field.Name, known.names(writable), "property"), "%s have no property %q, which map sends", f.object, field.Name)
	case d.ReadOnly:
		hint := "leave it out of map"
		if d.Name == recordID {
			hint = "give match: hs_object_id with mode update or archive to write by record id"
		}
		f.mapped(field.Name, hint, "property %q of %s is read-only: HubSpot sets it", field.Name, f.object)
	}
	f.checkPolicy(field, "object", f.mode == modeArchive, "mode archive sends no property")
	f.checkPolicy(field, "object", slices.Contains(f.config.Match, field.Name), "records are told apart by it")
	f.checkPolicy(field, "object", !ok && p.skip, "it is the label of a link, and no property")
	p.ifEmpty, p.shared = field.IfEmpty, field.Shared
	f.guarded = f.guarded || p.ifEmpty || p.shared
	if how := f.config.Translate[field.Name]; ok && how != "" {
		if err := f.translate(ctx, &p, d, how); err != nil {
			return err
		}
	}
	f.props = append(f.props, p)
	return nil
}

// checkPolicy keeps an error about a field that can't be left to others.
func (f *preflight) checkPolicy(field pipeline.Field, path string, wrong bool, why string) {
	if wrong && (field.IfEmpty || field.Shared) {
		f.errs = append(f.errs, &pipeline.FieldError{Path: path, Field: field.Name, Hint: "leave out when and owner",
			Err: fmt.Errorf("property %q can't be left to others: %s", field.Name, why)})
	}
}

// mapped keeps an error about a property where map names it.
func (f *preflight) mapped(name, hint, format string, args ...any) {
	f.errs = append(f.errs, &pipeline.FieldError{Path: "object", Field: name, Hint: hint, Err: fmt.Errorf(format, args...)})
}

// checkMatches finds the properties that records are told apart by.
func (f *preflight) checkMatches(known *catalogue) {
	for i, name := range f.config.Match {
		path := "match"
		if len(f.config.Match) > 1 {
			path = fmt.Sprintf("match.%d", i)
		}
		at := f.checkMatch(known, path, name)
		if i == 0 {
			f.match = at
		} else {
			f.also = append(f.also, at)
		}
	}
}

// checkMatch returns the place of a property that records are told apart by, or -1.
func (f *preflight) checkMatch(known *catalogue, path, match string) int {
	at := slices.IndexFunc(f.props, func(p property) bool { return p.name == match })
	if match != recordID {
		if err := known.requireUnique(path, match); err != nil {
			f.errs = append(f.errs, err)
			return at
		}
	}
	if at < 0 {
		f.errs = append(f.errs, fieldError(path, fmt.Sprintf("add it to map, as in %s: <column>", match), "property %q isn't mapped", match))
		return at
	}
	if match != recordID {
		f.kinds[lookupKey{f.object, match}] = kindOf(known.properties[match])
	}
	return at
}

// lookups checks the properties that resolve looks the other ends up by.
func (f *preflight) lookups(ctx context.Context) error {
	for _, l := range f.links {
		for _, at := range []struct {
			path   string
			object string
			field  int
		}{{l.fromPath, l.FromObject, l.FromField}, {l.toPath, l.ToObject, l.ToField}} {
			if at.field < 0 || f.in.Fields[at.field].Lookup == nil {
				continue
			}
			if err := f.keep(f.checkLookup(ctx, at.path, at.object, f.in.Fields[at.field])); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLookup checks one of them. What resolve says is told where it says it, not where the sink names its field.
func (f *preflight) checkLookup(ctx context.Context, path, object string, field pipeline.Field) error {
	l := field.Lookup
	if _, err := f.portal.objectPath(ctx, path, l.Object); err != nil {
		return atField(field.Name, err)
	}
	known, err := f.catalogue(ctx, path, l.Object)
	if known == nil || err != nil {
		return err
	}
	if end := f.paths[object]; end != "" && classicName(end) != classicName(known.path) {
		return fieldError(path, "", "the field holds records of %s, but this end of the link is of %s", l.Object, object)
	}
	if l.Property == recordID {
		return nil
	}
	f.kinds[lookupKey{l.Object, l.Property}] = kindOf(known.properties[l.Property])
	return atField(field.Name, known.requireUnique(path, l.Property))
}

// atField returns err, and if it is about an option, as one about the field of rows that a transform has given that name.
func atField(name string, err error) error {
	if e, ok := errors.AsType[*pipeline.FieldError](err); ok {
		e.Field = name
	}
	return err
}
