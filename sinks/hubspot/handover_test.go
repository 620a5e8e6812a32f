package hubspot

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/sinks/hubspot/hubspottest"
)

// staffFile makes contacts with two links to companies each.
const staffFile = peopleHead + `      - map: { MATCH: ref, firstname: name }
      - resolve:
          to_firm: { object: companies, by: { ext_id: firm } }
          to_branch: { object: companies, by: { ext_id: branch } }
    sink:
      hubspot: { connection: crm, object: contacts, mode: MODE, match: MATCH, associations: [{ to: companies, id: to_firm }, { to: companies, id: to_branch }] }
`

// A staffRow is a row of it: key, the value of match, firm and branch.
type staffRow [4]string

// newStaff returns a world with the companies c0 to c3.
func newStaff(t *testing.T, mode, match string) *world {
	t.Helper()
	w := newWorld(t, hubspottest.Options{})
	w.spec = strings.NewReplacer("MODE", mode, "MATCH", match).Replace(staffFile)
	for i := range 4 {
		must(t, w.portal, hubspottest.Edit{Action: "create", Object: "companies", Properties: map[string]string{"ext_id": fmt.Sprintf("c%d", i)}})
	}
	return w
}

func (w *world) staff(rows ...staffRow) {
	w.Helper()
	var b strings.Builder
	b.WriteString("id,ref,name,firm,branch\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%s,%s,row %s,%s,%s\n", r[0], r[1], r[0], r[2], r[3])
	}
	w.write("people.csv", []byte(b.String()))
}

// befriend has somebody link a contact to a company.
func (w *world) befriend(contact, firm string) {
	w.Helper()
	company, _ := w.portal.Find("companies", "ext_id", firm)
	if err := w.portal.EditLink(hubspottest.LinkEdit{Action: "link", From: "contacts", ID: contact, To: "companies", With: company.ID}); err != nil {
		w.Fatal(err)
	}
}

// firms returns the companies that a contact is linked to.
func (w *world) firms(contact string) string {
	names := map[string]string{}
	for _, r := range w.portal.Records("companies") {
		names[r.ID] = r.Properties["ext_id"]
	}
	var list []string
	for _, l := range w.portal.LinksOf("contacts", contact, "companies") {
		list = append(list, names[l.To])
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// linkWrites returns how often links were made and taken away by the pipeline.
func (w *world) linkWrites() (n int) {
	for _, write := range w.portal.Writes() {
		if write.By == "api" && (write.Action == "link" || write.Action == "unlink") {
			n++
		}
	}
	return n
}

// TestLinksOfAKeyThatLeft proves that a mirror takes back what a row had asked for whose record goes on as that of a row with another
// key, however many keys change, and leaves alone what the other row asks for and what people have linked.
func TestLinksOfAKeyThatLeft(t *testing.T) {
	for _, rows := range []int{1, 30} {
		inBubble(t, func(t *testing.T) {
			w := newStaff(t, "mirror", "ext_id")
			var before, after []staffRow
			for i := range rows {
				before = append(before, staffRow{fmt.Sprintf("a%d", i), fmt.Sprintf("x%d", i), "c0", "c1"})
				after = append(after, staffRow{fmt.Sprintf("b%d", i), fmt.Sprintf("x%d", i), "c0", "c2"})
			}
			w.staff(before...)
			w.well()
			var ids []string
			for _, r := range w.portal.Records("contacts") {
				ids = append(ids, r.ID)
				w.befriend(r.ID, "c3")
			}
			made := w.linkWrites()
			w.staff(after...)
			w.well()
			w.settled()
			for _, id := range ids {
				if got := w.firms(id); got != "c0 c2 c3" {
					t.Errorf("%d rows: contact %s is linked to %s", rows, id, got)
				}
			}
			if n := w.linkWrites() - made; n != 2*rows {
				t.Errorf("%d rows: %d links were made or taken away, want one of each per row", rows, n)
			}
		})
	}
}

// TestLinksOfAKeyThatIsBack proves that a row whose record has gone over to another one gets all its links when it comes back with a
// record of its own, and leaves none at the former one.
func TestLinksOfAKeyThatIsBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newStaff(t, "mirror", "ext_id")
		w.staff(staffRow{"a", "x", "c0", "c1"})
		w.well()
		w.staff(staffRow{"b", "x", "c2", ""})
		w.well()
		w.staff(staffRow{"a", "y", "c0", "c1"}, staffRow{"b", "x", "c2", ""})
		w.well()
		w.settled()
		y, _ := w.portal.Find("contacts", "ext_id", "y")
		if got := w.firms(y.ID); got != "c0 c1" {
			t.Errorf("the new contact is linked to %s", got)
		}
		x, _ := w.portal.Find("contacts", "ext_id", "x")
		if got := w.firms(x.ID); got != "c2" {
			t.Errorf("the contact that has gone over to another row is linked to %s", got)
		}
	})
}

// TestLinksOfARecordThatIsGivenUp proves that a row which names another record from now on takes its links with it, and that those of
// the row stay that names the former record now.
func TestLinksOfARecordThatIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newStaff(t, "update", "hs_object_id")
		var ids []string
		for _, name := range []string{"x", "y", "z", "u"} {
			ids = append(ids, must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": name}}).ID)
		}
		w.staff(staffRow{"a", ids[0], "c0", "c1"}, staffRow{"d", ids[2], "", ""})
		w.well()
		w.befriend(ids[0], "c3")
		w.staff(staffRow{"a", ids[1], "c0", "c1"}, staffRow{"b", ids[0], "c0", "c2"}, staffRow{"d", ids[3], "c2", ""})
		w.well()
		w.well()
		w.settled()
		for i, want := range []string{"c0 c2 c3", "c0 c1", "", "c2"} {
			if got := w.firms(ids[i]); got != want {
				t.Errorf("contact %d is linked to %s, want %s; %v", i, got, want, w.letters())
			}
		}
	})
}

// TestLinksOfARecordThatWasMerged proves that a row whose record people have merged into another one has exactly the links that it asks
// for, however often it changes, and whichever way it names its record.
func TestLinksOfARecordThatWasMerged(t *testing.T) {
	for _, match := range []string{"ext_id", "hs_object_id"} {
		for changes := 1; changes <= 3; changes++ {
			inBubble(t, func(t *testing.T) {
				w := newStaff(t, "update", match)
				ref := map[string]string{}
				for _, name := range []string{"x", "y"} {
					ref[name] = must(t, w.portal, hubspottest.Edit{Action: "create", Object: "contacts", Properties: map[string]string{"ext_id": name}}).ID
				}
				into, names := ref["y"], map[string]string{"ext_id": "x", "hs_object_id": ref["x"]}[match]
				w.staff(staffRow{"a", names, "c0", "c1"})
				w.well()
				must(t, w.portal, hubspottest.Edit{Action: "merge", Object: "contacts", ID: into, Other: ref["x"]})
				records := w.portal.Records("contacts")
				if len(records) != 1 {
					t.Fatalf("%+v", records)
				}
				for i := range changes {
					w.write("people.csv", fmt.Appendf(nil, "id,ref,name,firm,branch\na,%s,row %d,c0,c2\n", names, i))
					w.well()
				}
				w.settled()
				if got := w.firms(records[0].ID); got != "c0 c2" {
					t.Errorf("%s, %d changes: the contact is linked to %s; %v", match, changes, got, w.letters())
				}
			})
		}
	}
}
