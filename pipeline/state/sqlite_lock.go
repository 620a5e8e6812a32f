package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"sluice/pipeline"
)

// errLocked says that another process has the lock of a file.
var errLocked = errors.New("locked by another process")

// A processLock is the operating system's lock of a file beside the database, held as long as this process runs any
// pipeline. The operating system frees it when the process ends, however it ends; that the file exists means nothing.
type processLock struct {
	path string

	mu      sync.Mutex
	file    *os.File        // nil: not locked
	running map[string]bool // pipelines
}

// holding is what the lock's file says of its holder, for people.
type holding struct {
	Holder string    `json:"holder"`
	Since  time.Time `json:"since"`
}

func newProcessLock(path string) *processLock {
	return &processLock{path: path, running: map[string]bool{}}
}

func (l *processLock) take(name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[name] {
		return l.heldBy(name)
	}
	if l.file == nil {
		file, err := l.open(lookTries)
		if errors.Is(err, errLocked) {
			return l.heldBy(name)
		}
		if err != nil {
			return fmt.Errorf("lock state: %w", err)
		}
		l.file = file
		l.sign()
	}
	l.running[name] = true
	return nil
}

// Another process that only looks whether the lock is free has it for a moment.
const (
	lookTries = 5
	lookPause = 10 * time.Millisecond
)

func (l *processLock) open(tries int) (*os.File, error) {
	file, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := lockFile(file)
		if err == nil {
			return file, nil
		}
		if tries--; tries <= 0 || !errors.Is(err, errLocked) {
			file.Close()
			return nil, err
		}
		time.Sleep(lookPause)
	}
}

// holder returns who has the lock; "" if nobody has.
func (l *processLock) holder() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return holder()
	}
	file, err := l.open(1)
	if err == nil {
		file.Close()
		return ""
	}
	return l.heldBy("").Holder
}

// sign leaves word of who has the lock. Only people read it, so that its failure means nothing.
func (l *processLock) sign() {
	text := encode(holding{Holder: holder(), Since: time.Now().Round(time.Second)})
	if l.file.Truncate(0) == nil {
		_, _ = l.file.WriteAt([]byte(text), 0)
	}
}

func (l *processLock) heldBy(name string) *pipeline.HeldError {
	h := holding{Holder: "another process"}
	if file, err := os.Open(l.path); err == nil {
		defer file.Close()
		if text, err := io.ReadAll(io.LimitReader(file, 1<<12)); err == nil {
			_ = json.Unmarshal(text, &h)
		}
	}
	return &pipeline.HeldError{Pipeline: name, Holder: h.Holder, Since: h.Since}
}

func (l *processLock) free(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.running, name)
	if len(l.running) == 0 {
		l.unlock()
	}
}

func (l *processLock) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.running)
	l.unlock()
}

// unlock closes the file, which frees it. The file stays: removing it would let two processes lock two files.
func (l *processLock) unlock() {
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

// A fileGuard is one pipeline's share of the process's lock.
type fileGuard struct {
	lock     *processLock
	pipeline string
	held     bool
}

func (g *fileGuard) try(context.Context) (bool, error) {
	if g.held {
		return true, nil
	}
	if err := g.lock.take(g.pipeline); err != nil {
		return false, err
	}
	g.held = true
	return true, nil
}

// vacated tells by the process's lock alone: leases aren't renewed.
func (f *sqliteFile) vacated(_ context.Context, _ session, l *takenLease) error {
	if f.lock.holder() != l.Holder {
		return nil
	}
	l.idle, l.locked = 0, false
	return &l.leaseHeld
}

func (g *fileGuard) renews() bool { return false }

func (g *fileGuard) renew(context.Context, string, ...any) (int64, error) { return 1, nil }

func (g *fileGuard) release() {
	if g.held {
		g.lock.free(g.pipeline)
		g.held = false
	}
}
