package hubspot

import (
	"errors"
	"fmt"
	"slices"

	"sluice/pipeline"
)

// Check returns what is wrong with the config by itself, all of it.
func (c *Config) Check() error {
	var errs []error
	if c.Connection == "" {
		errs = append(errs, fieldError("connection", "", "missing: name a hubspot connection"))
	}
	if c.Associate != nil {
		errs = append(errs, c.checkAssociate()...)
	} else {
		errs = append(errs, c.checkObject()...)
	}
	if c.OnConflict != "" && c.OnConflict != conflictReject && c.OnConflict != conflictUpdate {
		errs = append(errs, fieldError("on_conflict", "", "unknown value %q: expected %s or %s", c.OnConflict, conflictReject, conflictUpdate))
	}
	errs = append(errs, c.checkOnGone()...)
	if !(c.MaxRejects.Of >= 0 && c.MaxRejects.Of <= 1) {
		errs = append(errs, fieldError("max_rejects", "", "%v is no share: expected a percentage such as 10%%, or a number from 0 to 1", c.MaxRejects.Of))
	}
	errs = append(errs, c.MaxChange.check("max_change", c.mode(), true)...)
	if c.mode() == modeArchive && c.MaxChange != nil && c.MaxChange.Share != 0 { // what was archived isn't there any more
		errs = append(errs, fieldError("max_change", "give a number of rows", "a share has no meaning in mode archive"))
	}
	errs = append(errs, c.MaxArchive.check("max_archive", c.mode(), c.mode() == modeMirror)...)
	for _, name := range sortedKeys(c.Properties) {
		p := c.Properties[name]
		switch at := "properties." + name; {
		case c.Object == "":
			errs = append(errs, fieldError(at, "declare it where its object is written", "associate writes no properties"))
		case p.Type == "enumeration" && len(p.Options) == 0:
			errs = append(errs, fieldError(at+".options", "list its values", "missing: an enumeration has options"))
		case p.Type != "enumeration" && len(p.Options) > 0:
			errs = append(errs, fieldError(at+".options", "set type: enumeration", "only an enumeration has options"))
		case (p.Unique || slices.Contains(c.Match, name)) && p.Type != "" && p.Type != "string" && p.Type != "number":
			errs = append(errs, fieldError(at+".type", "", "a unique property is a string or a number"))
		}
	}
	for name, how := range c.Translate {
		if known := []string{ownerEmail, optionLabel, pipelineLabel, stageLabel}; !slices.Contains(known, how) {
			errs = append(errs, fieldError("translate."+name, "", "unknown translation %q: expected %s", how, oneOf(how, known)))
		}
	}
	return errors.Join(errs...)
}

// checkOnGone lets records come back, or stay away, only where they are updated.
func (c *Config) checkOnGone() []error {
	mode := c.mode()
	switch {
	case c.OnGone == "":
		return nil
	case !slices.Contains([]string{goneReject, goneRecreate, goneIgnore}, c.OnGone):
		return []error{fieldError("on_gone", "", "unknown value %q: expected %s, %s or %s", c.OnGone, goneReject, goneRecreate, goneIgnore)}
	case mode != modeUpsert && mode != modeMirror && mode != modeUpdate:
		return []error{fieldError("on_gone", "leave it out", "mode %s updates no record", mode)}
	case mode == modeUpdate && c.OnGone == goneRecreate:
		return []error{fieldError("on_gone", "use mode upsert to make records again", "mode update makes no record")}
	}
	return nil
}

func (c *Config) checkObject() (errs []error) {
	if c.Object == "" {
		errs = append(errs, fieldError("object", "name the object to write, or use associate to write links only", "missing"))
	}
	switch mode := c.mode(); mode {
	case modeUpsert, modeMirror, modeUpdate, modeArchive:
		if len(c.Match) == 0 {
			errs = append(errs, fieldError("match", "name the property that tells records apart", "missing: mode %s needs a unique property", mode))
		}
		if slices.Contains(c.Match, recordID) && (mode == modeUpsert || mode == modeMirror) {
			errs = append(errs, fieldError("match", "use mode update to write by record id", "HubSpot can't upsert by %s", recordID))
		}
	case modeCreate:
		if slices.Contains(c.Match, recordID) {
			errs = append(errs, fieldError("match", "leave match out, or name a unique property", "%s is given by HubSpot when a record is created", recordID))
		}
	case modeLink:
		errs = append(errs, fieldError("mode", "give associate, or use create, update, upsert, mirror or archive", "link needs associate"))
	default:
		errs = append(errs, fieldError("mode", "", "unknown mode %q: expected %s, %s, %s, %s or %s", mode, modeCreate, modeUpdate, modeUpsert, modeMirror, modeArchive))
	}
	errs = append(errs, c.checkMatches()...)
	for i, a := range c.Associations {
		errs = append(errs, checkAssociation(fmt.Sprintf("associations.%d.", i), a)...)
	}
	if len(c.Associations) > 0 && c.mode() == modeArchive {
		errs = append(errs, fieldError("associations", "leave them out", "mode archive writes no associations"))
	}
	return errs
}

// checkMatches returns what is wrong with a list of match properties.
func (c *Config) checkMatches() (errs []error) {
	for i, name := range c.Match {
		switch {
		case name == "" || slices.Contains(c.Match[:i], name):
			errs = append(errs, fieldError(fmt.Sprintf("match.%d", i), "leave it out", "%q is empty, or given twice", name))
		case len(c.Match) == 1:
		case name == recordID:
			errs = append(errs, fieldError(fmt.Sprintf("match.%d", i), "give it alone, or leave it out", "%s can't be tried beside other properties", recordID))
		case c.mode() == modeCreate && i > 0:
			errs = append(errs, fieldError(fmt.Sprintf("match.%d", i), "leave it out", "mode create looks for no record"))
		}
	}
	return errs
}

func checkAssociation(path string, a Association) (errs []error) {
	if a.To == "" {
		errs = append(errs, fieldError(path+"to", "", "missing: name the object at the other end"))
	}
	if a.ID == "" {
		errs = append(errs, fieldError(path+"id", "", "missing: name a field of resolve, or a column that holds record ids"))
	}
	return append(errs, checkLabel(path, a.Type, a.Label)...)
}

func checkLabel(path string, typeID int, l Label) (errs []error) {
	if l.Name != "" && l.From != "" {
		errs = append(errs, fieldError(path+"label", "", "give name or from, not both"))
	}
	if typeID != 0 && l != (Label{}) {
		errs = append(errs, fieldError(path+"label", "", "give type or label, not both"))
	}
	if typeID < 0 {
		errs = append(errs, fieldError(path+"type", "", "%d is no association type id", typeID))
	}
	return errs
}

func (c *Config) checkAssociate() (errs []error) {
	if c.Object != "" || len(c.Match) > 0 || len(c.Associations) > 0 {
		errs = append(errs, fieldError("associate", "", "writes links only: object, match and associations have no meaning beside it"))
	}
	if mode := c.mode(); !slices.Contains([]string{modeLink, modeMirror}, mode) {
		errs = append(errs, fieldError("mode", "", "unknown mode %q of associate: expected %s or %s", mode, modeLink, modeMirror))
	}
	for i, end := range []map[string]string{c.Associate.From, c.Associate.To} {
		if len(end) != 1 {
			path := [...]string{"associate.from", "associate.to"}[i]
			errs = append(errs, fieldError(path, "write it as {contacts: person}", "has %d objects: expected one object with the field that names the record", len(end)))
		}
	}
	return append(errs, checkLabel("associate.", c.Associate.Type, c.Associate.Label)...)
}

// fieldError returns an error about one option.
func fieldError(path, hint, format string, args ...any) error {
	return &pipeline.FieldError{Path: path, Err: fmt.Errorf(format, args...), Hint: hint}
}
