package config

import (
	"reflect"

	"sluice/pipeline"
)

// A Reference is what a kind says of itself.
type Reference struct {
	Part      string   `json:"part"` // "connection", "source", "transform" or "sink"
	Name      string   `json:"name"`
	Doc       string   `json:"doc"`
	Example   string   `json:"example"`             // as it is written in the file
	Shorthand bool     `json:"shorthand,omitempty"` // may be written as a single value
	Options   []Option `json:"options"`
}

// References describes all kinds, in their order: connections, sources, transforms and sinks.
func References(kinds pipeline.Kinds) []Reference {
	list := referencesOf("connection", kinds.Connections)
	list = append(list, referencesOf("source", kinds.Sources)...)
	list = append(list, referencesOf("transform", kinds.Transforms)...)
	return append(list, referencesOf("sink", kinds.Sinks)...)
}

func referencesOf[C any](part string, kinds []pipeline.Kind[C]) (list []Reference) {
	for _, k := range kinds {
		config := k.New()
		list = append(list, Reference{
			Part: part, Name: k.Name, Doc: k.Doc, Example: k.Example,
			Shorthand: isShorthand(reflect.TypeOf(config).Elem()), Options: Options(config),
		})
	}
	return list
}
