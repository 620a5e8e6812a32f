package config

import (
	"fmt"
	"slices"
	"strings"

	"sluice/pipeline"
)

// Order returns the named pipelines (all, if there are no names) so that each comes after those in its After, and
// otherwise in file order. With withDependencies it adds what they come after, directly or not.
func (s *Spec) Order(names []string, withDependencies bool) ([]Pipeline, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		if err := s.known(name); err != nil {
			return nil, err
		}
		wanted[name] = true
	}
	order := s.inOrder()
	if len(names) == 0 {
		return order, nil
	}
	if withDependencies {
		for _, p := range slices.Backward(order) { // those that come after p have been seen
			for _, name := range p.After {
				wanted[name] = wanted[name] || wanted[p.Name]
			}
		}
	}
	return slices.DeleteFunc(order, func(p Pipeline) bool { return !wanted[p.Name] }), nil
}

// inOrder returns all pipelines, each after those in its After.
func (s *Spec) inOrder() []Pipeline {
	at := map[string]int{}
	for i := range s.Pipelines {
		at[s.Pipelines[i].Name] = i
	}
	list := make([]Pipeline, 0, len(s.Pipelines))
	placed := make([]bool, len(s.Pipelines))
	var place func(i int)
	place = func(i int) {
		if placed[i] {
			return
		}
		placed[i] = true
		for _, name := range s.Pipelines[i].After {
			place(at[name])
		}
		list = append(list, s.Pipelines[i])
	}
	for i := range s.Pipelines {
		place(i)
	}
	return list
}

func (s *Spec) known(name string) error {
	var all []string
	for i := range s.Pipelines {
		all = append(all, s.Pipelines[i].Name)
	}
	if slices.Contains(all, name) {
		return nil
	}
	if near := pipeline.Nearest(name, all); near != "" {
		return fmt.Errorf("unknown pipeline %q: did you mean %q?", name, near)
	}
	return fmt.Errorf("unknown pipeline %q: the file has %s", name, strings.Join(all, ", "))
}

// checkAfter complains of after that names no pipeline, or goes round in a circle.
func (d *decoder) checkAfter(entries []spot, list []Pipeline) {
	at := map[string]int{}
	var all []string
	for i := range list {
		at[list[i].Name] = i
		all = append(all, list[i].Name)
	}
	for i := range list {
		for j, name := range list[i].After {
			if _, ok := at[name]; !ok && name != "" {
				d.report(d.afterSpot(entries[i], j), pipeline.Suggest(name, all, "pipelines"), "unknown pipeline %s", pipeline.Quote(name))
			}
		}
	}
	d.checkCircles(entries, list, at)
}

// checkCircles complains of pipelines that wait for each other, once for each circle.
func (d *decoder) checkCircles(entries []spot, list []Pipeline, at map[string]int) {
	state := make([]int, len(list)) // 1 while on the path, 2 when done
	var path []string
	var visit func(i int)
	visit = func(i int) {
		state[i] = 1
		path = append(path, list[i].Name)
		for j, name := range list[i].After {
			next, ok := at[name]
			switch {
			case ok && state[next] == 1:
				circle := path[slices.Index(path, name):]
				d.report(d.afterSpot(entries[i], j), "take one of them out of after",
					"pipelines wait for each other: %s", clip(strings.Join(append(slices.Clone(circle), name), " → ")))
			case ok && state[next] == 0:
				visit(next)
			}
		}
		state[i] = 2
		path = path[:len(path)-1]
	}
	for i := range list {
		if state[i] == 0 {
			visit(i)
		}
	}
}

// afterSpot returns the spot of the j-th name in a pipeline's after.
func (d *decoder) afterSpot(entry spot, j int) spot {
	return descend(entry, "after."+fmt.Sprint(j))
}
