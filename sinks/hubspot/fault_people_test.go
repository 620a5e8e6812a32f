package hubspot

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// peopleHead is the beginning of a project whose people.csv goes to HubSpot.
const peopleHead = `
version: 1
connections:
  crm:
    hubspot: { access_token: token }
pipelines:
  people:
    source:
      csv: people.csv
    key: id
    transforms:
`

// peopleFile is the project of most scenarios.
const peopleFile = peopleHead + `      - map: { ext_id: id, firstname: name, email: email }
    sink:
      hubspot: { connection: crm, object: contacts, match: ext_id }
`

// A person is one row of people.csv.
type person struct{ id, name, email string }

// crowd returns n people; those in bad have an address that HubSpot refuses.
func crowd(n int, bad ...int) []person {
	list := make([]person, n)
	for i := range list {
		list[i] = person{fmt.Sprintf("p%03d", i), fmt.Sprintf("Name %d", i), fmt.Sprintf("p%03d@example.com", i)}
	}
	for _, i := range bad {
		list[i].email = "nobody at all"
	}
	return list
}

// people writes people.csv.
func (w *world) people(list []person) {
	w.Helper()
	var b bytes.Buffer
	b.WriteString("id,name,email\n")
	for _, p := range list {
		fmt.Fprintf(&b, "%s,%s,%s\n", p.id, p.name, p.email)
	}
	w.write("people.csv", b.Bytes())
}

func (w *world) write(name string, data []byte) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
		w.Fatal(err)
	}
}
