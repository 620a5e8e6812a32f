package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// A planPrinter prints plans for people: with colours on a terminal.
type planPrinter struct {
	w       io.Writer
	colour  bool
	sandbox bool
}

// printPlans prints what is to be done, row by row, then the numbers, and at last a summary.
func (a *app) printPlans(plans []pipeline.Plan, sandbox bool) error {
	p := planPrinter{w: a.stdout, colour: a.colours(), sandbox: sandbox}
	for i := range plans {
		p.changes(&plans[i])
	}
	printTable(a.stdout, plans, planColumns, func(p *pipeline.Plan) (string, string, float64) { return p.Name, p.Status, p.Seconds })
	_, err := fmt.Fprintf(a.stdout, "\n%s\n", summary(plans))
	for _, b := range budgets(plans) {
		fmt.Fprintln(a.stdout, b)
	}
	return err
}

// budgets says of each account whose requests of a day are limited how many it has left, if the plans need any.
func budgets(plans []pipeline.Plan) (lines []string) {
	requests := map[string]int64{}
	last := map[string]*pipeline.DailyBudget{} // each plan's requests have made it less
	var accounts []string
	for i := range plans {
		p := &plans[i]
		if requests[p.Account] += p.Requests; p.Daily == nil {
			continue
		}
		if last[p.Account] == nil {
			accounts = append(accounts, p.Account)
		}
		last[p.Account] = p.Daily
	}
	for _, account := range accounts {
		daily, need := last[account], requests[account]
		if need == 0 {
			continue
		}
		line := fmt.Sprintf("%s has %d of its %d requests of today left", account, daily.Left, daily.Limit)
		if need > daily.Left {
			line = fmt.Sprintf("! %s, fewer than the %d that are needed: a run would stop with code %d, and the next one go on", line, need, exitPaused)
		}
		lines = append(lines, line)
	}
	return lines
}

// The symbols of what would be done.
var symbols = map[string]string{
	pipeline.PlanCreate: "+", pipeline.PlanUpdate: "~", pipeline.PlanArchive: "-", pipeline.PlanReject: "!", pipeline.PlanPark: "?",
	pipeline.PlanLink: "+", pipeline.PlanUnlink: "-", pipeline.PlanDrift: "*", pipeline.PlanKeep: "=",
}

// colourOf is the SGR code of a symbol.
var colourOf = map[string]string{"+": "32", "~": "33", "-": "31", "!": "31", "?": "36", "*": "35", "=": "2"}

// line prints a line that begins with a symbol.
func (p *planPrinter) line(indent, symbol, text string) {
	if p.colour {
		symbol = "\x1b[" + colourOf[symbol] + "m" + symbol + "\x1b[0m"
	}
	fmt.Fprintf(p.w, "%s%s %s\n", indent, symbol, text)
}

// changes prints the rows of one pipeline that are shown, and how many there are beside.
func (p *planPrinter) changes(plan *pipeline.Plan) {
	if len(plan.Changes) == 0 && plan.RejectedBefore == 0 {
		return
	}
	fmt.Fprintf(p.w, "%s:\n", plan.Name)
	for i := range plan.Changes {
		p.change(&plan.Changes[i])
	}
	if plan.Omitted > 0 {
		fmt.Fprintf(p.w, "… and %s\n", count(plan.Omitted, "more row", "more rows"))
	}
	if plan.RejectedBefore > 0 {
		p.line("", symbols[pipeline.PlanReject], fmt.Sprintf("%s: see sluice rejects list%s --pipeline %s",
			count(plan.RejectedBefore, "row that was rejected before hasn't changed", "rows that were rejected before haven't changed"), sandboxFlag(p.sandbox), plan.Name))
	}
	fmt.Fprintln(p.w)
}

const planIndent = "    "

func (p *planPrinter) change(c *pipeline.PlannedChange) {
	p.line("", p.symbol(c), heading(c))
	if c.Unknown {
		fmt.Fprintf(p.w, "%swhat was last sent isn't known: all values are sent\n", planIndent)
	}
	for _, f := range c.Fields {
		switch {
		case f.Old != nil:
			p.line(planIndent, "~", fmt.Sprintf("%s: %s → %s", f.Property, pipeline.Quote(*f.Old), pipeline.Quote(f.New)))
		case c.Unknown:
			p.line(planIndent, "~", fmt.Sprintf("%s: ? → %s", f.Property, pipeline.Quote(f.New)))
		default:
			p.line(planIndent, "+", fmt.Sprintf("%s: %s", f.Property, pipeline.Quote(f.New)))
		}
	}
	for _, k := range c.Kept {
		p.line(planIndent, symbols[pipeline.PlanKeep], keptText(&k))
	}
	for i := range c.Links {
		p.link(&c.Links[i])
	}
	if c.Reason != "" && c.Action != pipeline.PlanReject {
		fmt.Fprintf(p.w, "%s(%s)\n", planIndent, c.Reason)
	}
}

// keptText says which property stays as it is, and why.
func keptText(k *pipeline.Kept) string {
	why := map[pipeline.KeptCause]string{
		pipeline.KeptFilled: "it has a value", pipeline.KeptEdited: "edited by somebody", pipeline.KeptOthers: "set by somebody else",
		pipeline.KeptAlias: "the record has the row's value beside it",
	}[k.Why]
	return fmt.Sprintf("%s: kept %s (%s; the row says %s)", k.Property, pipeline.Quote(k.Got), why, pipeline.Quote(k.Want))
}

// symbol returns the symbol of a row. One of links is what becomes of them, if it is the same with all.
func (p *planPrinter) symbol(c *pipeline.PlannedChange) string {
	if c.Action != pipeline.PlanLink {
		return symbols[c.Action]
	}
	symbol := ""
	for i := range c.Links {
		s := linkSymbol(&c.Links[i])
		if symbol != "" && s != symbol {
			return "~"
		}
		symbol = s
	}
	return symbol
}

func heading(c *pipeline.PlannedChange) string {
	text := plain(c.Key)
	if c.Object != "" {
		text = c.Object + " " + text
	}
	if c.Place != "" {
		text += " (" + c.Place + ")"
	}
	if c.Action == pipeline.PlanReject {
		text += ": " + c.Code + ": " + c.Reason
	}
	return text
}

// link prints a link: both ends of it where the row isn't one of them.
func (p *planPrinter) link(l *pipeline.PlannedLink) {
	text := "→ " + endText(&l.To)
	if l.From != nil {
		text = endText(l.From) + " " + text
	}
	switch {
	case l.Was != "" && l.Label != "":
		text += fmt.Sprintf(" (%s → %s)", l.Was, l.Label)
	case l.Was != "":
		text += fmt.Sprintf(" (%s → no label)", l.Was)
	case l.Label != "":
		text += " (" + l.Label + ")"
	}
	switch {
	case l.Action == pipeline.PlanPark:
		text += ": waits for a record that isn't there yet"
	case l.Reason != "":
		text += ": " + l.Reason
	}
	p.line(planIndent, linkSymbol(l), text)
}

func linkSymbol(l *pipeline.PlannedLink) string {
	if l.Action == pipeline.PlanLink && l.Was != "" {
		return symbols[pipeline.PlanUpdate]
	}
	return symbols[l.Action]
}

func endText(e *pipeline.LinkedEnd) string {
	if e.Name != "" {
		return e.Object + " " + plain(e.Name)
	}
	return e.Object + " record " + e.ID
}

// plain returns a text as it is, if it can be read so, and quoted otherwise.
func plain(text string) string {
	if text == "" || strings.ContainsAny(text, " ()") || strconv.Quote(text) != `"`+text+`"` {
		return pipeline.Quote(text)
	}
	return text
}
