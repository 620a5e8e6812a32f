package pipeline_test

import (
	"slices"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/internal/model"
)

// episode runs one process, or two or three at a time, while things happen to them.
func (w *world) episode() {
	d := w.s.dice("episode")
	opts := pipeline.Options{Full: d.chance(0.05)}
	if d.chance(0.05) {
		opts.Limit = int64(1 + d.n(20))
	}
	opts.AllowMassChange = w.s.dice("mass change").chance(0.5)
	killAt := 0
	if d.chance(0.4) {
		killAt = 1 + d.n(pick(d, 10, 40, 120))
	}
	running := []*process{w.launch(opts, killAt)}
	for range d.n(5) {
		time.Sleep(d.wide(5*time.Millisecond, time.Minute))
		p := running[d.n(len(running))]
		switch d.n(7) {
		case 0:
			p.kill()
		case 1:
			p.ask()
		case 2:
			p.stop(d.wide(time.Second, 3*time.Minute))
		case 3, 4:
			if len(running) < 3 {
				w.rival()
				running = append(running, w.launch(pipeline.Options{}, 0))
			}
		default:
			w.mu.Lock()
			w.hub.meddle(d)
			w.mu.Unlock()
		}
	}
	for _, p := range running {
		<-p.ended
	}
}

// takeover stops a process for longer than its lease lasts, and starts another one meanwhile.
func (w *world) takeover() {
	d := w.s.dice("takeover")
	old := w.launch(pipeline.Options{}, 0)
	time.Sleep(d.wide(10*time.Millisecond, 20*time.Second))
	old.stop(d.between(model.Fresh, 3*model.TTL))
	time.Sleep(d.between(model.Fresh, model.TTL+model.Fresh))
	w.rival()
	next := w.launch(pipeline.Options{}, 0)
	<-old.ended
	<-next.ended
}

// retry is what an operator does with a dead letter: the row of one is to be sent again. For a create whose outcome
// nobody can tell, they look first whether the record is there.
func (w *world) retry(d *dice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	letters := w.store.Letters(false)
	if len(letters) == 0 {
		return
	}
	l := letters[d.n(len(letters))]
	early := slices.ContainsFunc(w.hub.sent[l.Key], func(f *flight) bool { return time.Since(f.at) < landing })
	if l.State == model.Held && (early || w.hub.created[l.Key] > 0) {
		return
	}
	w.count("retried")
	w.s.note("somebody retries %+v", l)
	w.store.Retry(l.ID)
	for _, f := range w.hub.sent[l.Key] {
		f.answered = f.answered || l.State == model.Held
	}
	w.retried[l.Key] = true
}

// answerAll has the rows sent again that were rejected because the destination gave no answer: it does from now on.
func (w *world) answerAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.store.Letters(false) {
		if l.Code == "no_answer" {
			w.store.Retry(l.ID)
			w.retried[l.Key] = true
		}
	}
}

// rival notes that a process is started while another is running.
func (w *world) rival() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count("a second process")
}
