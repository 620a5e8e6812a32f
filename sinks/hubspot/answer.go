package hubspot

import (
	"strconv"

	"sluice/pipeline"
	"sluice/sinks/hubspot/internal/crm"
)

// answerOf returns what is remembered of an answer. A correlation id that is longer than any of HubSpot's is cut: whatever
// is on the way may have written it.
func answerOf(status int, correlation string) pipeline.Answer {
	const most = 64
	if len(correlation) > most {
		correlation = correlation[:most]
	}
	return pipeline.Answer{Request: correlation, Text: strconv.Itoa(status)}
}

// named returns an answer with the category of its error, such as "207 VALIDATION_ERROR".
func named(a pipeline.Answer, category string) pipeline.Answer {
	const most = 64
	if len(category) > most {
		category = category[:most]
	}
	if category != "" {
		a.Text += " " + category
	}
	return a
}

// inDoubt notes what came instead of a usable answer.
func (w *writing) inDoubt(entries []entry, e *crm.Error) {
	if e.Status == 0 {
		return
	}
	answer := named(answerOf(e.Status, e.CorrelationID), e.Category)
	for _, e := range entries {
		w.outcomes = append(w.outcomes, pipeline.Outcome{TraceID: e.TraceID, Verdict: pipeline.InDoubt, Answer: answer})
	}
}

// readBack returns the answer to the lookup's last request.
func (l *lookup) readBack() pipeline.Answer {
	a := l.answer
	if a.Text != "" {
		a.Text += pipeline.ReadBack
	}
	return a
}
