package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// listed is the annotation of a command that names the list which its JSON document has.
const listed = "list"

// jsonFlag gives a command the flag --json. A command that fails before it has printed a document then ends with one that
// says why, and in which list, if the command's document has such a thing, is empty.
func jsonFlag(cmd *cobra.Command, to *bool, list, usage string) {
	cmd.Flags().BoolVar(to, "json", false, usage)
	if list != "" {
		cmd.Annotations = map[string]string{listed: list}
	}
}

// printJSON prints v as the command's one JSON document.
func (a *app) printJSON(v any) error {
	a.answered = true
	e := json.NewEncoder(a.stdout)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printFailure prints the document of a command that was asked for one and has failed without.
func (a *app) printFailure(cmd *cobra.Command, args []string, err error) {
	flag := cmd.Flags().Lookup("json")
	// Its value isn't known where another flag before it is wrong.
	if a.answered || flag == nil || flag.Value.String() != "true" && !slices.Contains(args, "--json") {
		return
	}
	document := map[string]any{"error": reason(err)}
	if list := cmd.Annotations[listed]; list != "" {
		document[list] = []any{}
	}
	_ = a.printJSON(document)
}

// reason returns what an error says, with what was printed of it already.
func reason(err error) string {
	texts := []string{strings.TrimSpace(err.Error())}
	if e, ok := errors.AsType[*exitError](err); ok && e.told != nil {
		texts = append(texts, e.told.Error())
	}
	return strings.TrimSpace(strings.Join(texts, "\n"))
}
