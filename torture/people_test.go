package torture

import (
	"fmt"
	"strconv"
)

// people returns the file of people in a state.
func people(state int) sheet {
	s := sheet{name: "people", columns: []string{"person_id", "email", "first", "last", "phone", "firm", "city", "job"}}
	for i := range peopleRows {
		row := cells{"person_id": personKey(i), "email": fmt.Sprintf("p%d@example.com", i), "first": "First " + strconv.Itoa(i),
			"last": "Last", "phone": strconv.Itoa(1000 + i), "firm": firmKey(i * 10 % firmRows)}
		row.shared(i, state)
		if i == 21 {
			row["email"] = takenEmail // rejected by HubSpot
		}
		if state == secondState && i%6 == 1 {
			row["first"] += " changed"
			delete(row, "phone") // cleared
		}
		if state == secondState && i%11 == 6 {
			row["firm"] = firmKey(i*10%firmRows + 1)
		}
		s.rows = append(s.rows, row)
		if i%20 == 7 { // a key twice: the later row wins
			again := cells{"person_id": personKey(i), "email": fmt.Sprintf("p%d@example.com", i), "first": "Again " + strconv.Itoa(state), "last": "Later"}
			s.rows = append(s.rows, again)
		}
	}
	return s
}

// takenEmail is the address of a contact that somebody else has made.
const takenEmail = "taken@example.com"

// The properties of contacts that people may set, too.
const (
	sharedProperty = "city"     // owner: shared
	filledProperty = "jobtitle" // when: empty
)

// theirContacts are contacts that somebody else has made before, with a city and a job of their own.
var theirContacts = []string{"p004", "p013"}

// shared fills in what a row of people says of the properties that others may set.
func (row cells) shared(i, state int) {
	if row["city"] = "Oslo"; state == secondState && i%4 == 1 {
		row["city"] = "Bergen"
	}
	if state == secondState && i%8 == 2 {
		delete(row, "city") // cleared, if it is still ours
	}
	if i%3 > 0 || state > firstState {
		row["job"] = fmt.Sprintf("Job %d", i)
	}
	if state == secondState && i%3 == 1 {
		row["job"] += ", again" // nothing comes of it: the property isn't empty any more
	}
}

// jobs returns what fills the job of each contact: the first that a row has said of it.
func jobs(from, to int) cells {
	first := cells{}
	for state := from; state <= to; state++ {
		last := cells{}
		for _, row := range people(state).rows {
			last[row["person_id"]] = row["job"]
		}
		for key, job := range last {
			if first[key] == "" {
				first[key] = job
			}
		}
	}
	return first
}
