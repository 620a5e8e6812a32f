package state

import (
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A witness keeps, outside of the state, how many commits of each pipeline there have been: a state that holds fewer was
// put back. One that holds more is as it should be, since other machines run pipelines too. It is a file for each
// pipeline in a folder for each state, for their owner only.
type witness struct {
	folder string
	log    *slog.Logger

	mu   sync.Mutex
	id   string // of the state; "" while it isn't known
	told map[string]time.Time
}

// Witness has the store keep the numbers of its commits below folder as well, and refuse to run a pipeline that it holds
// fewer commits of: a state that was put back from a backup is noticed so. Where the folder can't be used, log, which may
// be nil, says so at its debug level and nothing else happens.
func Witness(folder string, log *slog.Logger) Option {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return func(s *store) { s.witness = &witness{folder: folder, log: log, told: map[string]time.Time{}} }
}

// tellEvery is how long commits may go by without being told of, while a run lasts.
const tellEvery = time.Second

// name says which state it is.
func (w *witness) name(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.id = id
}

// file returns where the number of a pipeline's commits is; "" while the state has no name.
func (w *witness) file(pipeline string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.id == "" {
		return ""
	}
	return filepath.Join(w.folder, w.id, url.PathEscape(pipeline)+".commits")
}

// saw returns the number of a pipeline's commits that it was told of; 0 if it doesn't know.
func (w *witness) saw(pipeline string) int64 {
	text, err := os.ReadFile(w.file(pipeline))
	if err != nil {
		if !os.IsNotExist(err) {
			w.log.Debug("the witness of the state can't be read", "reason", err)
		}
		return 0
	}
	number, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		w.log.Debug("the witness of the state is damaged", "file", w.file(pipeline), "reason", err)
	}
	return number
}

// tell writes a pipeline's number of commits down, after they were made. A number is never lowered: a state that was put
// back, and that somebody works on before it is reconciled, doesn't count.
func (w *witness) tell(pipeline string, number int64) {
	path := w.file(pipeline)
	if path == "" || number <= w.saw(pipeline) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told[pipeline] = time.Now()
	if err := replaceFile(path, strconv.FormatInt(number, 10)+"\n"); err != nil {
		w.log.Debug("the witness of the state can't be written", "reason", err)
	}
}

// meanwhile tells of a commit unless one was told of a moment ago. number is 0 where it isn't known.
func (w *witness) meanwhile(pipeline string, number int64) {
	if w == nil || number == 0 {
		return
	}
	w.mu.Lock()
	due := time.Since(w.told[pipeline]) >= tellEvery
	w.mu.Unlock()
	if due {
		w.tell(pipeline, number)
	}
}

// replaceFile writes a file as a whole, for its owner only: whoever reads it sees the old text or the new one.
func replaceFile(path, text string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
