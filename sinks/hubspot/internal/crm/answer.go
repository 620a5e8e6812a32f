package crm

import "time"

// Most inputs of one call (API.md 3.1, 3.4).
const (
	MaxInputs           = 100
	MaxAssociations     = 2000
	MaxAssociationReads = 1000
)

// An Input is one record of a batch write. Empty fields are left out of the request.
type Input struct {
	TraceID      string // unique within the request: asks for partial success, and is echoed (API.md 5)
	ID           string // record id, or the value of IDProperty
	IDProperty   string // for an upsert, or an update by a unique property
	Properties   []Property
	Associations []InlineAssociation // for a create only
}

// A Property is a value of a record, as HubSpot wants to have it written (API.md 8.1). "" clears it.
type Property struct{ Name, Value string }

// An InlineAssociation links a new record to one that exists.
type InlineAssociation struct {
	ToID  string
	Types []AssociationType
}

// A BatchAnswer is what HubSpot says of a batch of records. Every field may be missing; results are in no order, and
// an input that is found in neither Results nor Errors is unaccounted for (API.md 5).
type BatchAnswer struct {
	HTTPStatus    int
	Status        string
	Results       []Result
	Errors        []ItemError
	CorrelationID string
	Date          time.Time // when it was given, by HubSpot's clock; by ours where the answer doesn't say
}

// A Result is one record of an answer.
type Result struct {
	ID       string
	TraceID  string // "" where HubSpot doesn't echo it
	New      *bool  // for an upsert: created, not updated
	Archived bool
	Created  time.Time // when the record was made, by HubSpot's clock; zero where the answer doesn't say
	// Properties that have a value. Of a write only the properties that were used as IDProperty are kept.
	Properties map[string]string
	Warnings   []Warning
}

// A Warning says that HubSpot changed a value before writing it (API.md 8.2).
type Warning struct {
	Category string
	Message  string
	Context  map[string]string
}

// An AssociationType names a type of association (API.md 10.1).
type AssociationType struct {
	Category string `json:"associationCategory"`
	ID       int    `json:"associationTypeId"`
}

// A Pair is two records, by their ids.
type Pair struct{ From, To string }

// An Association is a pair of records and types of the association between them.
type Association struct {
	Pair
	Types []AssociationType
}

// An AssociationAnswer is what HubSpot says of a batch of associations. An answer without a body (as of archiving in
// v4) has neither results nor errors: what became of pairs that are to be associated isn't told then.
type AssociationAnswer struct {
	HTTPStatus    int
	Results       []AssociationResult
	Errors        []ItemError // also in a 200 (API.md 10.2)
	CorrelationID string
}

// An AssociationResult is one pair of an answer, in one direction. Type is only given for default associations, Labels
// only for others.
type AssociationResult struct {
	Pair
	Type   AssociationType
	Labels []string
}

// An Associated is a record at the other end, with all types of the association.
type Associated struct {
	ToID  string
	Types []Label
}

// AssociationReads is what a reading of associations found: per record asked for, those at the other end. A record
// without any is in it if an answer lists none of it, is named by an error, or is passed over.
type AssociationReads struct {
	To     map[string][]Associated
	Errors []ItemError
	Cut    []string // records of which there is more: a page was announced, and its answer passes it over
}

// A Label is a type of association. Label is "" for an unlabelled one.
type Label struct {
	Category string
	ID       int
	Label    string
}

// A PropertyDefinition describes a property of an object (API.md 3.5).
type PropertyDefinition struct {
	Name            string
	Label           string
	Type            string // bool, date, datetime, enumeration, number, phone_number, string, …
	FieldType       string
	HasUniqueValue  bool
	ReadOnly        bool // values can't be written: calculated or a system property
	ExternalOptions bool // options are kept elsewhere, such as owners and stages; Options is empty
	Archived        bool
	Options         []Option
}

// An Option is an allowed value of an enumeration. Value is what is written.
type Option struct{ Label, Value string }

// A Schema describes a custom object (API.md 3.6).
type Schema struct {
	ID                 string // the object type id, such as 2-123456
	Name               string
	FullyQualifiedName string // such as p12345_my_object
	Singular, Plural   string // what people call one of them, and several
}

// An Owner is somebody who records can be assigned to, by ID.
type Owner struct {
	ID       string
	Email    string
	Archived bool
}

// A Pipeline is the sequence of stages of deals, tickets and such (not one of ours).
type Pipeline struct {
	ID, Label string
	Stages    []Stage
}

// A Stage is one stage of a Pipeline.
type Stage struct{ ID, Label string }

// An Account is the portal that the token belongs to.
type Account struct{ PortalID string }
