package hubspottest

import (
	"slices"
	"time"
)

// A property is the definition of a property (3.5).
type property struct {
	Name         string   `json:"name"`
	Label        string   `json:"label"`
	Type         string   `json:"type"`
	FieldType    string   `json:"fieldType"`
	Description  string   `json:"description"`
	GroupName    string   `json:"groupName"`
	Options      []option `json:"options"`
	DisplayOrder int      `json:"displayOrder"`
	Unique       bool     `json:"hasUniqueValue"`
	Hidden       bool     `json:"hidden"`
	FormField    bool     `json:"formField"`
	Calculated   bool     `json:"calculated"`
	External     bool     `json:"externalOptions"`
	Defined      bool     `json:"hubspotDefined"`
	Formula      string   `json:"calculationFormula,omitempty"`
	Referenced   string   `json:"referencedObjectType,omitempty"`
	Sensitivity  string   `json:"dataSensitivity,omitempty"`
	Archived     bool     `json:"archived"`
	Created      stamp    `json:"createdAt"`
	Updated      stamp    `json:"updatedAt"`
	Modification struct {
		Archivable bool `json:"archivable"`
		ReadOnly   bool `json:"readOnlyDefinition"`
		ReadValue  bool `json:"readOnlyValue"`
	} `json:"modificationMetadata"`

	email   bool     // compared and stored in lower case (7)
	system  sysField // kept by the portal itself
	onBirth bool     // may be set when a record is created, not later (8.4)
	keyed   bool     // upsert takes it
}

// An option is one value of an enumeration.
type option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	Description  string `json:"description,omitempty"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
}

// A group is a property group.
type group struct {
	Name         string `json:"name"`
	Label        string `json:"label"`
	DisplayOrder int    `json:"displayOrder"`
	Archived     bool   `json:"archived"`
}

// sysField names what the portal itself keeps about a record.
type sysField uint8

const (
	notSystem sysField = iota
	sysID
	sysCreated
	sysUpdated
	sysMerged
)

// A stamp is an instant as HubSpot writes it.
type stamp struct{ time.Time }

const stampFormat = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes milliseconds, UTC.
func (s stamp) MarshalJSON() ([]byte, error) { return appendTime(nil, s.UnixMilli()), nil }

func (t *objectType) define(p *property, now time.Time) *property {
	p.Created, p.Updated = stamp{now}, stamp{now}
	if p.Options == nil {
		p.Options = []option{}
	}
	p.DisplayOrder = or(p.DisplayOrder, -1)
	p.keyed = p.Unique || slices.Contains(t.Unique, p.Name)
	p.email = p.Name == "email" && t.ID == "0-1"
	if p.keyed {
		t.unique[p] = make(map[string]int64)
	}
	t.props[p.Name] = p
	t.order = append(t.order, p)
	return p
}

// find returns a property that isn't archived, or nil.
func (t *objectType) find(name string) *property {
	if p := t.props[name]; p != nil && !p.Archived {
		return p
	}
	return nil
}

// readOnly returns whether values can't be written (3.5).
func (p *property) readOnly(birth bool) bool {
	if p.onBirth {
		return !birth
	}
	return p.Calculated || p.Modification.ReadValue
}

// custom returns how many unique properties were added to the type.
func (t *objectType) customUnique() int {
	n := 0
	for _, p := range t.order {
		if p.Unique && !p.Defined && !p.Archived {
			n++
		}
	}
	return n
}
