package torture

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The world is the reference workload: what the sources hold in each of their states. It is small, but it has a row of every
// kind that a run can meet.
//
//	firms        Postgres → companies: creates, updates, filtered rows, rows that the map, the sink or HubSpot rejects, parents
//	             that come later, that never come or that are rejected, and that are missed at once, in several batches, groups and checkpoints
//	people       CSV → contacts: a key twice, an e-mail address that another record has, cleared cells, links to firms, and two
//	             properties that people set as well
//	memberships  CSV → associations, mirrored: labels, relabelled and removed ones, one whose person never comes
//	deals        CSV → deals, each made once, with their links
//	products     CSV → products, made once and without a unique property: a lost answer is held for review
//	tickets      CSV → tickets, mirrored: rows that leave and come back, and tickets that others have made before
const (
	firstState  = 1
	secondState = 2 // changed cells, parents and labels, removed memberships, new rows, rejects that were mended
	backState   = 3 // as in the first state again, but that the new rows stay
)

const (
	firmRows       = 150
	peopleRows     = 50
	membershipRows = 60
	dealRows       = 20
	productRows    = 10
	ticketRows     = 40
)

// A cells is one row of a source: texts by column. A column that is missing is null.
type cells map[string]string

// A sheet is a table or file: its columns, and its rows in order.
type sheet struct {
	name    string
	columns []string
	rows    []cells
}

func firmKey(i int) string   { return fmt.Sprintf("f%03d", i) }
func personKey(i int) string { return fmt.Sprintf("p%03d", i) }

// firms returns the table of firms in a state.
func firms(state int) sheet {
	s := sheet{name: "firms", columns: []string{"firm_id", "name", "city", "phone", "size", "status", "parent"}}
	rows := firmRows
	if state > firstState {
		rows += 5
	}
	for i := range rows {
		row := cells{"firm_id": firmKey(i), "name": "Firm " + strconv.Itoa(i), "city": "Oslo", "size": strconv.Itoa(i * 3), "status": "live", "parent": parentOf(i, state)}
		switch {
		case i%50 == 13:
			row["status"] = "draft" // filtered
		case i%50 == 17:
			delete(row, "name") // rejected by the map
		case i%50 == 23:
			row["size"] = "many" // rejected by the sink
		case i%50 == 29:
			row["city"] = ruledCity // rejected by HubSpot, for want of a phone number
		}
		if state == secondState {
			editFirm(row, i)
		}
		if state == backState && i == 29 {
			row["phone"] = "+47 22 00 00 00" // what HubSpot has by now isn't taken back by a null
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// ruledCity is where the portal's administrator asks for a phone number.
const ruledCity = "Ruletown"

// editFirm changes a row of the first state into that of the second.
func editFirm(row cells, i int) {
	switch {
	case i%7 == 3 && row["name"] != "":
		row["name"] += " Ltd"
	case i == 29:
		row["phone"] = "+47 22 00 00 00" // the reject is mended
	case i == 17:
		row["name"] = "Firm 17 at last"
	case i == 9:
		row["city"] = "Bergen" // its parent goes on being missed
	case i == 41:
		row["city"] = ruledCity // and a good row spoilt
	}
}

// parentOf returns the key of a firm's parent: most of them come later than the child.
func parentOf(i, state int) string {
	switch {
	case i == 8:
		return firmKey(firmRows + 3) // comes in the second state
	case i == 9:
		return "f999" // never comes
	case i == 12:
		return firmKey(23) // is rejected
	case i%10 == 0, state == secondState && i%20 == 6:
		return ""
	case state == secondState && i%20 == 4:
		return firmKey((i + 90) % firmRows / 10 * 10)
	}
	return firmKey((i/10 + 7) * 10 % firmRows)
}

// The labels of memberships.
const (
	chair   = "Chair"
	counsel = "Counsel"
)

// memberships returns the file of memberships in a state.
func memberships(state int) sheet {
	s := sheet{name: "memberships", columns: []string{"person", "firm", "role"}}
	for i := range membershipRows {
		row := cells{"person": personKey(i % peopleRows), "firm": firmKey((i*10 + 30 + i/peopleRows*10) % firmRows)}
		if i%3 > 0 {
			row["role"] = [...]string{chair, counsel}[i%3-1]
		}
		if i == 33 {
			row["person"] = "p999" // never comes
		}
		if state == secondState && i%9 == 2 {
			continue // has left
		}
		if state == secondState && i%8 == 1 {
			row["role"] = counsel
		}
		if state == secondState && i%8 == 4 {
			delete(row, "role")
		}
		s.rows = append(s.rows, row)
	}
	if state == secondState {
		s.rows = append(s.rows, cells{"person": personKey(3), "firm": firmKey(100), "role": chair})
	}
	return s
}

// deals returns the file of deals in a state.
func deals(state int) sheet {
	s := sheet{name: "deals", columns: []string{"deal_id", "title", "firm"}}
	for i := range dealRows + min(state-firstState, 1)*4 {
		row := cells{"deal_id": fmt.Sprintf("d%03d", i), "title": "Deal " + strconv.Itoa(i), "firm": firmKey(i * 10 % firmRows)}
		if state == secondState && i == 5 {
			row["title"] = "Deal that was made already"
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// products returns the file of products in a state.
func products(state int) sheet {
	s := sheet{name: "products", columns: []string{"sku", "name"}}
	for i := range productRows + min(state-firstState, 1)*3 {
		s.rows = append(s.rows, cells{"sku": fmt.Sprintf("s%03d", i), "name": "Product " + strconv.Itoa(i)})
	}
	return s
}

// sheets returns all that the sources hold in a state.
func sheets(state int) []sheet {
	return []sheet{firms(state), people(state), memberships(state), deals(state), products(state), tickets(state)}
}

// csv returns the sheet as a CSV file.
func (s *sheet) csv() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(s.columns)
	for _, row := range s.rows {
		line := make([]string, len(s.columns))
		for i, name := range s.columns {
			line[i] = row[name]
		}
		_ = w.Write(line)
	}
	w.Flush()
	return b.Bytes()
}

// sql returns statements that make a table of the sheet, whose first column is its key.
func (s *sheet) sql() string {
	var b strings.Builder
	fmt.Fprintf(&b, "begin;\ndrop table if exists %s;\ncreate table %s (%s text, primary key (%s));\n", s.name, s.name, strings.Join(s.columns, " text, "), s.columns[0])
	fmt.Fprintf(&b, "insert into %s values\n", s.name)
	for i, row := range s.rows {
		line := slices.Clone(s.columns)
		for at, name := range s.columns {
			if line[at] = "null"; row[name] != "" {
				line[at] = "'" + strings.ReplaceAll(row[name], "'", "''") + "'"
			}
		}
		end := ",\n"
		if i == len(s.rows)-1 {
			end = ";\ncommit;"
		}
		fmt.Fprintf(&b, "(%s)%s", strings.Join(line, ", "), end)
	}
	return b.String()
}

// projectFile is the project's pipelines.yaml; %[1]s is the mode of firms, %[2]s the version of the API.
const projectFile = `version: 1
state: ${SLUICE_STATE_URL}
connections:
  warehouse:
    postgres: { url: "${WAREHOUSE_URL}" }
  crm:
    hubspot:
      access_token: ${HUBSPOT_ACCESS_TOKEN}
      base_url: ${HUBSPOT_BASE_URL}
      api_version: "%[2]s"
      timeout: 1s
      landing: 200ms
pipelines:
  firms:
    source:
      postgres: { connection: warehouse, table: firms, page: 40 }
    key: firm_id
    transforms:
      - filter: status == "live"
      - map: { firm_id: firm_id, name: { from: name, null: reject }, city: city, phone: phone, numberofemployees: size }
      - resolve:
          parent: { object: companies, by: { firm_id: parent }, max_age: 1ms }
    sink:
      hubspot: { connection: crm, object: companies, mode: %[1]s, match: firm_id, associations: [{ to: companies, id: parent, type: 14 }] }
  people:
    source:
      csv: { path: people.csv }
    key: person_id
    transforms:
      - map: { person_id: person_id, email: email, firstname: first, lastname: last, phone: { from: phone, null: clear },
               city: { from: city, null: clear, owner: shared }, jobtitle: { from: job, when: empty } }
      - resolve:
          employer: { object: companies, by: { firm_id: firm } }
    sink:
      hubspot: { connection: crm, object: contacts, match: person_id, associations: [{ to: companies, id: employer }] }
  memberships:
    after: [firms, people]
    source:
      csv: { path: memberships.csv }
    key: [person, firm]
    transforms:
      - map: { role: role }
      - resolve:
          who: { object: contacts, by: { person_id: person } }
          where: { object: companies, by: { firm_id: firm } }
    sink:
      hubspot: { connection: crm, associate: { from: { contacts: who }, to: { companies: where }, label: { from: role } }, mode: mirror }
  deals:
    after: firms
    source:
      csv: { path: deals.csv }
    key: deal_id
    transforms:
      - map: { deal_id: deal_id, dealname: title }
      - resolve:
          firm: { object: companies, by: { firm_id: firm } }
    sink:
      hubspot: { connection: crm, object: deals, mode: create, match: deal_id, associations: [{ to: companies, id: firm }] }
  products:
    source:
      csv: { path: products.csv }
    key: sku
    transforms:
      - map: { name: name, description: sku }
    sink:
      hubspot: { connection: crm, object: products, mode: create }
  tickets:
    source:
      csv: { path: tickets.csv }
    key: ticket_id
    transforms:
      - map: { ticket_id: ticket_id, subject: subject }
    sink:
      hubspot: { connection: crm, object: tickets, mode: mirror, match: ticket_id }
`
