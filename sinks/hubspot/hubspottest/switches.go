package hubspottest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Switches choose between behaviours that HubSpot does not document, or about which reports contradict each other.
// The zero value is the default of section 13. Every switch is named by its JSON tag in -set and in the admin API.
type Switches struct {
	// Transport

	RetryAfter429       bool   `json:"retry_after_429"`       // 429 carries Retry-After (9.2, 16.9)
	Count429            bool   `json:"count_429"`             // requests answered by 429 use up quota as well (9.1)
	OldRateLimitBody    bool   `json:"old_rate_limit_body"`   // 429 has errorType only, no category (9.3)
	RefuseMissingInputs bool   `json:"refuse_missing_inputs"` // a batch without inputs is 400, instead of success without effect (5.2)
	NullProperty        string `json:"null_property"`         // a JSON null as value: refuse (default), clear, ignore (8.1)
	MaxBody             int64  `json:"max_body"`              // a larger body is 413; 0 means no limit (16.8)
	LackScopes          string `json:"lack_scopes"`           // scopes that no token has, separated by commas (2.2)
	TokenRequests       int    `json:"token_requests"`        // after so many requests an OAuth token has expired; 0 means after its time only (2.1)

	// Batches

	NoTraceEcho        bool   `json:"no_trace_echo"`        // results don't carry objectWriteTraceId (5.4)
	LooseTraceIDs      bool   `json:"loose_trace_ids"`      // some trace ids are enough for partial success, repeated ones allowed (5.1, 16.2)
	All207             bool   `json:"all_207"`              // partial mode answers 207 even if nothing is wrong (5.4)
	GroupErrors        bool   `json:"group_errors"`         // equal errors become one item with several trace ids (5.4)
	UntraceableErrors  bool   `json:"untraceable_errors"`   // error items name no trace id (5.4)
	InputOrder         bool   `json:"input_order"`          // results come in input order instead of shuffled
	NotAtomic          bool   `json:"not_atomic"`           // a whole-batch failure leaves the inputs before the bad one written (5.2)
	DuplicateCreate    string `json:"duplicate_create"`     // same unique value twice in a create with trace ids: item (default), whole (16.4)
	UpdateMissing      string `json:"update_missing"`       // unknown id in an update: a (default) 207 with one item, b the same with trace ids, c nothing written, d silence, e nothing written and 404 (5.3)
	UpdateInvalidWhole bool   `json:"update_invalid_whole"` // an invalid value in an update fails all, even with trace ids (16.1)
	UpdateMerged       string `json:"update_merged"`        // a merged-away id in an update: omit (default), missing, follow (11.3)
	UpdateByEmail      bool   `json:"update_by_email"`      // batch update accepts idProperty email (7)
	RulesWhole         bool   `json:"rules_whole"`          // a rule's violation fails the whole batch (16.11)
	MissingCoordinates bool   `json:"missing_coordinates"`  // unknown keys of a read are in missingObjectPropertyValueCoordinates (5.6)
	ConflictWithoutID  bool   `json:"conflict_without_id"`  // a whole-batch conflict doesn't name the existing record (6.3)
	ResultKeyOnly      bool   `json:"result_key_only"`      // write results hold the unique property and system properties only (5.4)

	// Records

	CaseSensitiveKeys bool          `json:"case_sensitive_keys"` // custom unique values differ by case (16.6)
	UntrimmedKeys     bool          `json:"untrimmed_keys"`      // custom unique values differ by surrounding blanks (16.6)
	ArchivedBlocksKey bool          `json:"archived_blocks_key"` // an archived record keeps its unique values (16.7)
	RacyUnique        bool          `json:"racy_unique"`         // creates don't check unique values: breaks the assumption that they are enforced
	EmailUpsertBlanks bool          `json:"email_upsert_blanks"` // an upsert by email clears what it doesn't mention (16.5)
	MergeNewID        bool          `json:"merge_new_id"`        // a merge makes a new record (11.3)
	GDPRFreesEmail    bool          `json:"gdpr_frees_email"`    // the address of a GDPR-deleted contact may be used again (11.4)
	StrictDates       bool          `json:"strict_dates"`        // 2026-09 refuses dates that aren't midnight as well (8.2)
	ScientificNumbers bool          `json:"scientific_numbers"`  // 1e3 is a number (8.1)
	StripNUL          bool          `json:"strip_nul"`           // U+0000 is removed instead of refused (8.4)
	LooseDeals        bool          `json:"loose_deals"`         // deals need neither stage nor pipeline (3.3)
	LooseLeads        bool          `json:"loose_leads"`         // leads may be created without association (3.3)
	NoRequired        bool          `json:"no_required"`         // nothing is required to create a record (3.3)
	NoActivityKeys    bool          `json:"no_activity_keys"`    // activities can't have unique custom properties (16.12)
	SearchLag         time.Duration `json:"search_lag"`          // before searches see a write; 0 means 5 s, negative none (3.7)
	ReadLag           time.Duration `json:"read_lag"`            // before reads by unique property see a new record; 0 means none (11.1)
	DefinitionLag     time.Duration `json:"definition_lag"`      // before a new property or label can be used; 0 means none (11.1)

	// Associations

	AddLabels          bool   `json:"add_labels"`          // labels are added to the pair's, instead of replacing them (10.1)
	NumericIDs         string `json:"numeric_ids"`         // ids in association answers as JSON numbers: v4 (default), always, never (10.2)
	NoAssociations     string `json:"no_associations"`     // batch read of a record without any: error (default), empty, omit (10.2)
	AssociationContext string `json:"association_context"` // what errors name: pair (default), id, none (10.2)
	AssociationCap     int    `json:"association_cap"`     // links of one record to one object type; 0 means no limit (10.5)
	Associations200    bool   `json:"associations_200"`    // batch create answers 200 instead of 201 (6.1)
	AssociateMerged    string `json:"associate_merged"`    // a merged-away id in a batch about associations: missing (default), follow (11.3)
}

func (w Switches) withDefaults() Switches {
	w.NullProperty = or(w.NullProperty, "refuse")
	w.DuplicateCreate = or(w.DuplicateCreate, "item")
	w.UpdateMissing = or(w.UpdateMissing, "a")
	w.UpdateMerged = or(w.UpdateMerged, "omit")
	w.NumericIDs = or(w.NumericIDs, "v4")
	w.NoAssociations = or(w.NoAssociations, "error")
	w.AssociationContext = or(w.AssociationContext, "pair")
	w.AssociateMerged = or(w.AssociateMerged, "missing")
	w.SearchLag = or(w.SearchLag, 5*time.Second)
	return w
}

// choices are the values that a switch of type string may have; nil means any.
func choices(name string) []string {
	switch name {
	case "null_property":
		return []string{"refuse", "clear", "ignore"}
	case "duplicate_create":
		return []string{"item", "whole"}
	case "update_missing":
		return []string{"a", "b", "c", "d", "e"}
	case "update_merged":
		return []string{"omit", "missing", "follow"}
	case "numeric_ids":
		return []string{"v4", "always", "never"}
	case "no_associations":
		return []string{"error", "empty", "omit"}
	case "associate_merged":
		return []string{"missing", "follow"}
	case "association_context":
		return []string{"pair", "id", "none"}
	}
	return nil
}

// SwitchNames returns the names of all switches, in the order of the struct.
func SwitchNames() []string {
	var names []string
	for f := range reflect.TypeFor[Switches]().Fields() {
		names = append(names, f.Tag.Get("json"))
	}
	return names
}

// Set sets the switch called name from its text: true or false, a number, a duration such as 5s, or one of its words.
func (w *Switches) Set(name, text string) error {
	v := reflect.ValueOf(w).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("json") == name {
			return setSwitch(v.Field(i), name, text)
		}
	}
	return fmt.Errorf("unknown switch %q: there are %s", name, strings.Join(SwitchNames(), ", "))
}

func setSwitch(field reflect.Value, name, text string) error {
	fail := func(want string) error { return fmt.Errorf("switch %s: %q isn't %s", name, text, want) }
	switch field.Interface().(type) {
	case bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fail("true or false")
		}
		field.SetBool(b)
	case time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fail("a duration such as 5s")
		}
		field.SetInt(int64(d))
	case string:
		if words := choices(name); words != nil && !slices.Contains(words, text) {
			return fail("one of " + strings.Join(words, ", "))
		}
		field.SetString(text)
	default:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fail("a whole number")
		}
		field.SetInt(n)
	}
	return nil
}

// MarshalJSON writes durations as text such as 5s, as UnmarshalJSON reads them.
func (w Switches) MarshalJSON() ([]byte, error) {
	values := make(map[string]any)
	v := reflect.ValueOf(w)
	for i := range v.NumField() {
		value := v.Field(i).Interface()
		if d, ok := value.(time.Duration); ok {
			value = d.String()
		}
		values[v.Type().Field(i).Tag.Get("json")] = value
	}
	return json.Marshal(values)
}

// UnmarshalJSON sets the switches that data names and leaves the others. Values may be text as for Set.
func (w *Switches) UnmarshalJSON(data []byte) error {
	var values map[string]any
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	for name, v := range values {
		if err := w.Set(name, fmt.Sprint(v)); err != nil {
			return err
		}
	}
	return nil
}
