package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/pipeline/state"
)

// load reads the file that says which pipelines there are, or prints all that is wrong with it.
func (a *app) load(lookup func(string) (string, bool)) (*config.Spec, error) {
	data, err := os.ReadFile(a.file)
	if err != nil {
		return nil, input(fmt.Errorf("%w: name the file with -f, or start where it is", err))
	}
	spec, problems := config.Parse(a.file, data, kinds, lookup)
	if len(problems) > 0 {
		return nil, a.wrong(problems, data)
	}
	return spec, nil
}

// choose reads the file and returns the named pipelines of it (all, if there are no names) in the order of running, turned
// to the sandbox if there is one.
func (a *app) choose(box *sandbox, names []string, dependencies bool) (*config.Spec, []config.Pipeline, error) {
	lookup := a.lookup
	if box != nil {
		lookup = box.lookup(lookup)
	}
	spec, err := a.load(lookup)
	if err != nil {
		return nil, nil, err
	}
	list, err := spec.Order(names, dependencies)
	if err != nil {
		return nil, nil, input(err)
	}
	if box != nil {
		box.take(spec, list)
	}
	return spec, list, nil
}

// wrong prints diagnostics and returns the error that ends the program for them.
func (a *app) wrong(problems config.Diagnostics, source []byte) error {
	if err := problems.Print(a.stderr, source); err != nil {
		return err
	}
	return &exitError{code: exitInput, told: problems}
}

// misplaced prints diagnostics of a file that was read before.
func (a *app) misplaced(spec *config.Spec, problems config.Diagnostics) error {
	source, _ := os.ReadFile(spec.File)
	return a.wrong(problems, source)
}

// A workshop holds what pipelines are opened with: the connections that they share, each connected once.
type workshop struct {
	app  *app
	spec *config.Spec

	// What the state remembers of the requests of earlier processes, and when it was asked. A connection learns of them before
	// its own first request, which would be one too many otherwise.
	recent  []byte
	asked   time.Time
	account string // that the state belongs to

	mu     sync.Mutex
	opened map[string]io.Closer
	failed map[string]*config.ConnectionError // so that one that is down is waited for, and told, once
}

func (a *app) workshop(spec *config.Spec) *workshop {
	return &workshop{app: a, spec: spec, opened: map[string]io.Closer{}, failed: map[string]*config.ConnectionError{}}
}

// connection returns the connection of that name.
func (w *workshop) connection(ctx context.Context, name string) (io.Closer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.opened[name]; ok {
		return c, nil
	}
	if err, ok := w.failed[name]; ok {
		return nil, err
	}
	for _, c := range w.spec.Connections {
		if c.Name != name {
			continue
		}
		conn, err := c.Config.Connect(ctx, pipeline.Env{Log: w.app.log()})
		if err != nil {
			w.failed[name] = &config.ConnectionError{Name: name, Err: err}
			return nil, w.failed[name]
		}
		if c, ok := conn.(interface{ RestoreThrottle([]byte, time.Duration) }); ok && w.recent != nil {
			c.RestoreThrottle(w.recent, time.Since(w.asked))
		}
		w.opened[name] = conn
		return conn, nil
	}
	return nil, fmt.Errorf("there is no connection %q", name)
}

// recall asks the state for the requests of earlier processes, and for the account that it belongs to.
func (w *workshop) recall(ctx context.Context, store pipeline.Auditor) (err error) {
	var age time.Duration
	w.recent, age, err = store.Recent(ctx)
	if w.asked = time.Now().Add(-age); err != nil {
		return err
	}
	w.account, err = store.Bound(ctx)
	return err
}

// open opens pipelines, all of them before a row of any is moved. What is wrong with the file is printed, all at once. A drain
// ends it with ErrInterrupted.
func (w *workshop) open(ctx context.Context, list []config.Pipeline) ([]*pipeline.Pipeline, error) {
	ctx, ready := w.app.preparing(ctx)
	opened, err := w.openAll(ctx, list)
	if ready() {
		return opened, err
	}
	return nil, errors.Join(pipeline.ErrInterrupted, closeAll(opened))
}

func (w *workshop) openAll(ctx context.Context, list []config.Pipeline) ([]*pipeline.Pipeline, error) {
	var opened []*pipeline.Pipeline
	var problems config.Diagnostics
	var errs []error
	told := map[string]bool{} // causes that pipelines share, such as an account that refuses the token
	for i := range list {
		p, err := pipeline.Open(ctx, list[i].Definition(), pipeline.Env{Log: w.app.log(), Connection: w.connection, Account: w.account})
		c, shared := errors.AsType[*config.ConnectionError](err)
		if shared {
			err = c
		}
		_, wrong := errors.AsType[*pipeline.FieldError](err)
		if err != nil && (shared || !wrong) {
			cause := causeOf(err)
			if told[cause] {
				continue
			}
			told[cause] = true
		}
		switch {
		case err == nil:
			opened = append(opened, p)
		case wrong:
			problems = append(problems, w.spec.Locate(err)...)
		default:
			errs = append(errs, err)
		}
	}
	if len(problems) == 0 && len(errs) == 0 {
		return opened, nil
	}
	errs = append(errs, closeAll(opened))
	if len(problems) > 0 {
		errs = append(errs, w.app.misplaced(w.spec, problems))
	}
	return nil, errors.Join(errs...)
}

// causeOf returns what an error of opening a pipeline says, but for the pipeline and the stage.
func causeOf(err error) string {
	if s, ok := errors.AsType[*pipeline.StageError](err); ok {
		return s.Err.Error()
	}
	return err.Error()
}

// close closes the connections.
func (w *workshop) close() error {
	var errs []error
	for _, c := range w.opened {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// witness has a state watched by a file in the user's state folder (XDG Base Directory Specification). The sandbox's
// isn't: it is thrown away together with its HubSpot.
func (a *app) witness(url string) []state.Option {
	folder, _ := a.lookup("XDG_STATE_HOME")
	if home, _ := a.lookup("HOME"); !filepath.IsAbs(folder) && home != "" {
		folder = filepath.Join(home, ".local", "state")
	}
	if !filepath.IsAbs(folder) || url == sandboxState() {
		return nil
	}
	return []state.Option{state.Witness(filepath.Join(folder, "sluice"), a.log())}
}

// store opens the state and brings its tables up to date, unless they are to be left as they are.
func (a *app) store(ctx context.Context, url string, migrate bool) (state.Store, error) {
	store, err := state.Open(ctx, url, append(a.witness(url), state.Log(a.log()))...)
	if err != nil {
		return nil, err
	}
	if migrate {
		if _, _, err := a.upgrade(ctx, store); err != nil {
			return nil, errors.Join(err, store.Close())
		}
	}
	return store, nil
}

// upgrade brings a state's tables up to date. A signal breaks it off: a version is there wholly or not at all.
func (a *app) upgrade(ctx context.Context, store state.Store) (from, to int, err error) {
	err = pipeline.UntilDrained(ctx, a.drain, func(ctx context.Context) (err error) {
		from, to, err = store.Migrate(ctx)
		return err
	})
	return from, to, err
}
