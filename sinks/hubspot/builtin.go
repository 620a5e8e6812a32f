package hubspot

import (
	"maps"
	"slices"

	"sluice/sinks/hubspot/internal/crm"
)

// hubspotDefined is the category of association types that HubSpot itself has (API.md section 10.1).
const hubspotDefined = "HUBSPOT_DEFINED"

// A builtIn is what HubSpot itself has of associations between two objects: the type id of the plain relation, and those
// of relations with a meaning of their own, by id, with what they are called here where the account doesn't name them.
type builtIn struct {
	plain int
	named map[int]string
}

// builtIns are HubSpot's own types of association, from the first object to the second. Their ids are the same in every
// account (API.md section 10.4).
var builtIns = map[[2]string]builtIn{
	{"contacts", "contacts"}:  {449, nil},
	{"contacts", "companies"}: {279, map[int]string{1: "Primary", 931: "Billing"}},
	{"contacts", "deals"}:     {4, nil},
	{"contacts", "tickets"}:   {15, nil},

	{"companies", "contacts"}:  {280, map[int]string{2: "Primary"}},
	{"companies", "companies"}: {450, map[int]string{13: "Child Company", 14: "Parent Company"}},
	{"companies", "deals"}:     {342, map[int]string{6: "Primary"}},
	{"companies", "tickets"}:   {340, map[int]string{25: "Primary"}},

	{"deals", "contacts"}:  {3, nil},
	{"deals", "companies"}: {341, map[int]string{5: "Primary"}},
	{"deals", "deals"}:     {451, nil},
	{"deals", "tickets"}:   {27, nil},

	{"tickets", "contacts"}:  {16, nil},
	{"tickets", "companies"}: {339, map[int]string{26: "Primary"}},
	{"tickets", "deals"}:     {28, nil},
	{"tickets", "tickets"}:   {452, nil},

	{"calls", "contacts"}: {194, nil}, {"calls", "companies"}: {182, nil}, {"calls", "deals"}: {206, nil}, {"calls", "tickets"}: {220, nil},
	{"contacts", "calls"}: {193, nil}, {"companies", "calls"}: {181, nil}, {"deals", "calls"}: {205, nil}, {"tickets", "calls"}: {219, nil},

	{"emails", "contacts"}: {198, nil}, {"emails", "companies"}: {186, nil}, {"emails", "deals"}: {210, nil}, {"emails", "tickets"}: {224, nil},
	{"contacts", "emails"}: {197, nil}, {"companies", "emails"}: {185, nil}, {"deals", "emails"}: {209, nil}, {"tickets", "emails"}: {223, nil},

	{"meetings", "contacts"}: {200, nil}, {"meetings", "companies"}: {188, nil}, {"meetings", "deals"}: {212, nil}, {"meetings", "tickets"}: {226, nil},
	{"contacts", "meetings"}: {199, nil}, {"companies", "meetings"}: {187, nil}, {"deals", "meetings"}: {211, nil}, {"tickets", "meetings"}: {225, nil},

	{"notes", "contacts"}: {202, nil}, {"notes", "companies"}: {190, nil}, {"notes", "deals"}: {214, nil}, {"notes", "tickets"}: {228, nil},
	{"contacts", "notes"}: {201, nil}, {"companies", "notes"}: {189, nil}, {"deals", "notes"}: {213, nil}, {"tickets", "notes"}: {227, nil},

	{"tasks", "contacts"}: {204, nil}, {"tasks", "companies"}: {192, nil}, {"tasks", "deals"}: {216, nil}, {"tasks", "tickets"}: {230, nil},
	{"contacts", "tasks"}: {203, nil}, {"companies", "tasks"}: {191, nil}, {"deals", "tasks"}: {215, nil}, {"tickets", "tasks"}: {229, nil},

	{"communications", "contacts"}: {81, nil}, {"communications", "companies"}: {87, nil}, {"communications", "deals"}: {85, nil}, {"communications", "tickets"}: {83, nil},
	{"contacts", "communications"}: {82, nil}, {"companies", "communications"}: {88, nil}, {"deals", "communications"}: {86, nil}, {"tickets", "communications"}: {84, nil},

	{"leads", "contacts"}: {608, map[int]string{578: "Primary"}}, {"leads", "companies"}: {610, map[int]string{580: "Primary"}},
	{"contacts", "leads"}: {609, nil}, {"companies", "leads"}: {611, nil},

	{"deals", "line_items"}: {19, nil}, {"line_items", "deals"}: {20, nil}, {"quotes", "line_items"}: {67, nil}, {"line_items", "quotes"}: {68, nil},
	{"deals", "quotes"}: {63, nil}, {"quotes", "deals"}: {64, nil},
}

// withBuiltIns adds to the types of association that an account lists between two objects those of HubSpot's own that the
// list lacks, and names those that it doesn't name. That the list has them isn't documented, and all that follows from it
// depends on that: whether a type id may be asked for, and which type is the plain relation, whose removal would take every
// label along (API.md section 10.1).
func withBuiltIns(from, to string, listed []crm.Label) []crm.Label {
	own, ok := builtIns[[2]string{classicName(from), classicName(to)}]
	if !ok {
		return listed
	}
	all := slices.Clone(listed)
	add := func(id int, name string) {
		at := slices.IndexFunc(all, func(l crm.Label) bool { return l.ID == id && l.Category == hubspotDefined })
		switch {
		case at < 0:
			all = append(all, crm.Label{Category: hubspotDefined, ID: id, Label: name})
		case all[at].Label == "":
			all[at].Label = name
		}
	}
	add(own.plain, "")
	for _, id := range slices.Sorted(maps.Keys(own.named)) {
		add(id, own.named[id])
	}
	return all
}
