package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"sluice/pipeline"
)

// A ConnectionError is an error of connecting, with the name of the connection.
type ConnectionError struct {
	Name string
	Err  error
}

// Error names the connection.
func (e *ConnectionError) Error() string { return fmt.Sprintf("connections.%s: %v", e.Name, e.Err) }

// Unwrap returns the error.
func (e *ConnectionError) Unwrap() error { return e.Err }

// Locate says where in the file an error of opening has its cause: each *pipeline.StageError of pipeline.Open or a
// *ConnectionError, and each *pipeline.FieldError in it. An error that is none of these is about the file as a whole.
// What doesn't stand in the file is reported at the nearest thing that does. Locate(nil) is nil.
func (s *Spec) Locate(err error) Diagnostics {
	if err == nil {
		return nil
	}
	var list Diagnostics
	for _, one := range flatten(err) {
		list = append(list, s.locate(one)...)
	}
	return list.sort()
}

// locate says where an error of opening has its cause that joins no others.
func (s *Spec) locate(err error) Diagnostics {
	at := spot{key: s.doc.root, value: s.doc.root}
	if c, ok := errors.AsType[*ConnectionError](err); ok {
		return s.doc.explain(onlyEntry(child(child(at, "connections"), c.Name)), c.Err)
	}
	e, ok := errors.AsType[*pipeline.StageError](err)
	if !ok {
		return s.doc.explain(at, err)
	}
	whole := child(child(at, "pipelines"), e.Pipeline)
	at = child(whole, e.Stage)
	if e.Stage == "transforms" && e.Index < len(at.value.Content) {
		at = at.element(e.Index)
	}
	at = onlyEntry(at)
	var list Diagnostics
	for _, err := range flatten(e.Err) {
		if f, ok := errors.AsType[*pipeline.FieldError](err); ok && f.Field != "" {
			if named, ok := naming(whole, f.Field); ok {
				list = append(list, s.doc.explain(named, &pipeline.FieldError{Err: f.Err, Hint: f.Hint})...)
				continue
			}
		}
		list = append(list, s.doc.explain(at, err)...)
	}
	return list
}

// naming returns the spot of the name that the last of a pipeline's transforms to do so gives to a field of rows.
func naming(whole spot, field string) (named spot, ok bool) {
	list := child(whole, "transforms")
	if list.value.Kind != yaml.SequenceNode {
		return named, false
	}
	for i := range list.value.Content {
		options := onlyEntry(list.element(i))
		if entry := child(options, field); entry.value != options.value {
			named, ok = entry, true
			named.value = entry.key
		}
	}
	return named, ok
}

// child returns the spot of an entry of at, or at where there is no such entry.
func child(at spot, name string) spot {
	if at.value.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(at.value.Content); i += 2 {
			if key := at.value.Content[i]; key.Kind == yaml.ScalarNode && key.Value == name {
				return at.child(key, at.value.Content[i+1])
			}
		}
	}
	return at
}

// onlyEntry returns the spot of the kind in a component.
func onlyEntry(at spot) spot {
	if at.value.Kind == yaml.MappingNode && len(at.value.Content) == 2 {
		return at.child(at.value.Content[0], at.value.Content[1])
	}
	return at
}

// descend follows a path of names and indexes, separated by dots, from at as far as it goes. Names may hold dots
// themselves: the longest that exists is followed.
func descend(at spot, path string) spot {
	for path != "" {
		next, rest, ok := step(at, path)
		if !ok {
			for name := range strings.SplitSeq(path, ".") {
				at.path = joinPath(at.path, name)
			}
			return at
		}
		at, path = next, rest
	}
	return at
}

// step follows the first part of path, and returns the rest of it.
func step(at spot, path string) (next spot, rest string, ok bool) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		name := path[:end]
		rest = strings.TrimPrefix(path[end:], ".")
		switch at.value.Kind {
		case yaml.MappingNode:
			if next = child(at, name); next.value != at.value {
				return next, rest, true
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(at.value.Content) {
				return at.element(i), rest, true
			}
		case yaml.ScalarNode:
			if name == "0" { // a list of one may be written without brackets
				return at, rest, true
			}
		}
	}
	return at, path, false
}

// reportErrors reports an error of the config at a spot, or those that were joined in it.
func (d *decoder) reportErrors(at spot, err error) {
	d.problems = append(d.problems, d.explain(at, err)...)
}

// explain returns what an error of the config at a spot says, as diagnostics: one for each error that was joined.
func (d *document) explain(at spot, err error) Diagnostics {
	var list Diagnostics
	for _, err := range flatten(err) {
		spot, message, hint := at, err.Error(), ""
		if f, ok := errors.AsType[*pipeline.FieldError](err); ok {
			spot, message, hint = descend(at, f.Path), f.Err.Error(), f.Hint
		}
		node := spot.value
		if node.Kind != yaml.ScalarNode || isNull(node) {
			node = spot.key
		}
		list = append(list, d.diagnostic(node, spot.path, d.redact(message), d.redact(hint)))
	}
	return list.sort()
}

// flatten returns the errors that err joins.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, flatten(e)...)
	}
	return list
}
