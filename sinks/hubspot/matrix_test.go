package hubspot

import (
	"maps"
	"slices"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// switchValues are the values of the switches that writing records may meet.
var switchValues = map[string][]string{
	"refuse_missing_inputs": {"true"}, "null_property": {"clear", "ignore"}, "max_body": {"900"},
	"no_trace_echo": {"true"}, "loose_trace_ids": {"true"}, "all_207": {"true"}, "group_errors": {"true"}, "untraceable_errors": {"true"},
	"input_order": {"true"}, "not_atomic": {"true"}, "duplicate_create": {"item", "whole"},
	"update_missing": {"a", "b", "c", "d", "e"}, "update_merged": {"omit", "missing", "follow"}, // each with each
	"update_invalid_whole": {"true"}, "update_by_email": {"true"},
	"missing_coordinates": {"true"}, "conflict_without_id": {"true"}, "result_key_only": {"true"},
	"case_sensitive_keys": {"true"}, "untrimmed_keys": {"true"}, "archived_blocks_key": {"true"}, "email_upsert_blanks": {"true"},
	"merge_new_id": {"true"}, "gdpr_frees_email": {"true"}, "no_required": {"true"}, "read_lag": {"50ms"},
}

// leftOut are the switches that the matrix does without.
var leftOut = map[string][]string{
	"it breaks what writing rests on, or stops a run as it should":         {"racy_unique", "lack_scopes", "definition_lag", "rules_whole"},
	"it is about limits, tokens and searches, which no run of these meets": {"retry_after_429", "count_429", "old_rate_limit_body", "token_requests", "search_lag"},
	"it is about values, other objects or links": {"strict_dates", "scientific_numbers", "strip_nul", "loose_deals", "loose_leads", "no_activity_keys",
		"add_labels", "numeric_ids", "no_associations", "association_context", "association_cap", "associations_200", "associate_merged"},
}

// TestEverySwitch proves that no switch is forgotten.
func TestEverySwitch(t *testing.T) {
	out := slices.Concat(slices.Collect(maps.Values(leftOut))...)
	for _, name := range hubspottest.SwitchNames() {
		if (switchValues[name] == nil) != slices.Contains(out, name) {
			t.Errorf("switch %s has to be either in the matrix or left out", name)
		}
	}
}

// A setting is a HubSpot with some of its switches set.
type setting struct {
	switches map[string]string
	gone     bool // records that are gone are answered in a way of its own
}

// matrix returns the settings: each value of each switch by itself, and mixtures of those that tell least.
func matrix() map[string]setting {
	all := map[string]setting{}
	for name, list := range switchValues {
		if name == "update_missing" || name == "update_merged" {
			continue
		}
		for _, value := range list {
			all[name+"="+value] = setting{map[string]string{name: value}, name == "archived_blocks_key" || name == "merge_new_id"}
		}
	}
	blind := map[string]string{"no_trace_echo": "true", "untraceable_errors": "true", "result_key_only": "true"}
	for _, missing := range switchValues["update_missing"] {
		for _, merged := range switchValues["update_merged"] {
			mixed := map[string]string{"update_missing": missing, "update_merged": merged}
			all["missing "+missing+", merged "+merged] = setting{mixed, merged == "omit"}
		}
		all["blind, missing "+missing] = setting{with(blind, map[string]string{"update_missing": missing, "update_merged": "follow"}), false}
	}
	return all
}

func with(a, b map[string]string) map[string]string {
	mixed := maps.Clone(a)
	maps.Copy(mixed, b)
	return mixed
}

// TestMatrix proves in every world, while answers are lost, that each key is written once, that the books balance, that a
// second run writes nothing, and that records which people have archived, deleted, merged or edited get what on_gone says.
func TestMatrix(t *testing.T) {
	for name, world := range matrix() {
		policies := []string{goneReject}
		if world.gone {
			policies = []string{goneReject, goneRecreate, goneIgnore}
		}
		for _, onGone := range policies {
			t.Run(name+"/"+onGone, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, Config{OnGone: onGone}, world.switches)
				report := s.run(stormy(world.switches)...)
				if report.Rejected != 3 || report.Written != stageRows-3 {
					t.Errorf("the first run: %+v", report)
				}
				s.holds(2, written("first"))
				s.again()

				s.people()
				s.fill("second")
				s.run(stormy(world.switches)...)
				s.run() // writes once more what the row of the merged record may have overwritten
				want := rewritten("second")
				if onGone == goneRecreate && world.switches["archived_blocks_key"] == "" {
					want[archivedRow] = "second"
				}
				s.holds(1, want)
				s.again()
			})
		}
	}
}

// TestMatrixCreate proves the same of rows that are only ever made.
func TestMatrixCreate(t *testing.T) {
	for name, list := range switchValues {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, Config{Mode: modeCreate}, map[string]string{name: list[0]})
			s.run(stormy(nil)...)
			s.holds(2, written("first"))
			s.again()
			s.fill("second")
			s.again()
			s.holds(2, written("first"))
		})
	}
}
