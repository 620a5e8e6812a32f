package torture

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"sluice/sinks/hubspot/hubspottest"
)

// theirTickets are the tickets that somebody else has made before. Of one the row leaves in the second state.
var theirTickets = []string{"t005", "t013"}

// theirs is what others say of their tickets.
const theirs = "Theirs"

// tickets returns the file of tickets in a state.
func tickets(state int) sheet {
	s := sheet{name: "tickets", columns: []string{"ticket_id", "subject"}}
	for i := range ticketRows + min(state-firstState, 1)*2 {
		row := cells{"ticket_id": fmt.Sprintf("t%03d", i), "subject": "Ticket " + strconv.Itoa(i)}
		if state == secondState && i%10 == 3 {
			continue // has left
		}
		if state == secondState && i%9 == 4 {
			row["subject"] += ", again"
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// tickets leave with their rows, but for those that others have made: these stay as they were written last.
func (w *want) tickets(state int) {
	for _, row := range tickets(firstState).rows {
		if slices.Contains(theirTickets, row["ticket_id"]) {
			w.records["tickets"][row["ticket_id"]] = row
		}
	}
	for _, row := range tickets(state).rows {
		w.records["tickets"][row["ticket_id"]] = row
	}
	n := int64(len(tickets(state).rows))
	w.books["tickets"] = report{Read: n, Unchanged: n}
}

// mine: only what the pipeline has made is archived, and only what has left the source in some state.
func (v *verdict) mine(c *crm) {
	for _, w := range c.writes {
		if w.Action != "archive" || w.By != "api" {
			continue
		}
		name := w.Object + " " + c.keys[w.Object+" "+w.ID]
		at := slices.IndexFunc(c.writes, func(made hubspottest.Write) bool {
			return made.Action == "create" && made.Object == w.Object && made.ID == w.ID
		})
		if at < 0 || c.writes[at].By != "api" {
			v.blame("I10", name, "was archived by request %d, but others have made it", w.Request)
		}
		if _, stays := v.want.records[w.Object][c.keys[w.Object+" "+w.ID]]; stays && v.stage.state != backState {
			v.blame("I10", name, "was archived by request %d, but its row hasn't left", w.Request)
		}
	}
}

// compareArchives looks for the intent of every record that is to be archived: inputs have only its id. The caller holds mu.
func (a *audit) compareArchives(r *http.Request, w *wire) {
	a.learn(r.Context())
	meant := map[string]intent{}
	for _, i := range a.traces {
		if i.action == '-' {
			meant[i.id] = i
		}
	}
	twice := map[string]bool{}
	for _, in := range w.Inputs {
		i, ok := meant[in.ID]
		if a.sent[i.trace]++; !ok {
			a.blame("I5", in.ID, "%s arrived before an intent to archive the record was committed", r.URL.Path)
		}
		if twice[in.ID] {
			a.blame("I6", i.key, "twice in one request, %s", r.URL.Path)
		}
		twice[in.ID] = true
	}
}
