package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice/pipeline"
	"sluice/pipeline/config"
	"sluice/sinks/hubspot"
	"sluice/sinks/hubspot/hubspottest"
	"sluice/transforms/mapping"
)

// sandboxDir is where the sandbox keeps its HubSpot and its state.
const sandboxDir = ".sluice/sandbox"

// sandboxState returns the URL of the sandbox's state.
func sandboxState() string { return "sqlite:" + filepath.Join(sandboxDir, "state.db") }

// sandboxToken is the access token of the sandbox's HubSpot.
const sandboxToken = "sandbox"

// A sandbox is a local HubSpot in this process, whose records outlive it in a file.
type sandbox struct {
	portal *hubspottest.Server
	server *http.Server
	url    string
	file   string
	read   os.FileInfo // of the file as it was read; nil: it wasn't there

	conn    *hubspot.Connection // one of the file that was pointed here
	objects []string            // that the pipelines write
	only    bool                // it is only looked at: what it holds isn't kept
}

// openSandbox starts the local HubSpot with what it held before, or empty.
func openSandbox(fresh bool) (*sandbox, error) {
	if fresh {
		if err := os.RemoveAll(sandboxDir); err != nil {
			return nil, fmt.Errorf("empty the sandbox: %w", err)
		}
	}
	if err := os.MkdirAll(sandboxDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox: %w", err)
	}
	s := &sandbox{portal: hubspottest.New(hubspottest.Options{Seed: 1, BodyLog: -1}), file: filepath.Join(sandboxDir, "hubspot.json")}
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, s.serve()
}

// serve starts the local HubSpot on a free port of this machine.
func (s *sandbox) serve() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	s.url = "http://" + listener.Addr().String()
	s.server = &http.Server{Handler: s.portal, ReadHeaderTimeout: 10 * time.Second}
	go s.server.Serve(listener)
	return nil
}

func (s *sandbox) load() error {
	f, err := os.Open(s.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the sandbox: %w", err)
	}
	defer f.Close()
	if s.read, err = f.Stat(); err != nil {
		return fmt.Errorf("open the sandbox: %w", err)
	}
	if err := s.portal.Load(f); err != nil {
		return fmt.Errorf("read %s: %w; start over with --fresh", s.file, err)
	}
	return nil
}

// close stops the local HubSpot and keeps what it holds.
func (s *sandbox) close() error {
	err := s.server.Close()
	s.portal.Close()
	if s.only {
		return err
	}
	if s.overtaken() {
		return errors.Join(err, fmt.Errorf("another command has written to the sandbox in %s meanwhile, so that what this one did there isn't kept: start over with sluice run --sandbox --fresh", sandboxDir))
	}
	temporary := s.file + ".new"
	f, cerr := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if cerr != nil {
		return errors.Join(err, cerr)
	}
	err = errors.Join(err, s.portal.Save(f), f.Close())
	if err == nil {
		err = os.Rename(temporary, s.file)
	}
	return err
}

// overtaken tells whether the file isn't what was read.
func (s *sandbox) overtaken() bool {
	now, err := os.Stat(s.file)
	if err != nil || s.read == nil {
		return err == nil || s.read != nil
	}
	return !os.SameFile(now, s.read) || now.Size() != s.read.Size() || !now.ModTime().Equal(s.read.ModTime())
}

// lookup returns an environment in which credentials that the file asks for needn't be set.
func (s *sandbox) lookup(next func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch name {
		case "HUBSPOT_ACCESS_TOKEN":
			return sandboxToken, true
		case "HUBSPOT_BASE_URL":
			return s.url, true
		}
		return next(name)
	}
}

// take points every HubSpot connection of the file at the sandbox, whatever it says, keeps the state beside it, and has
// the sandbox given what the pipelines need.
func (s *sandbox) take(spec *config.Spec, list []config.Pipeline) {
	spec.State = sandboxState()
	for _, c := range spec.Connections {
		if h, ok := c.Config.(*hubspot.Connection); ok {
			h.Redirect(s.url, sandboxToken)
			s.conn = h
		}
	}
	for i := range list {
		if sink, ok := list[i].Sink.Config.(*hubspot.Config); ok && s.conn != nil {
			if sink.Object != "" && !slices.Contains(s.objects, sink.Object) {
				s.objects = append(s.objects, sink.Object)
			}
			list[i].Sink.Config = &provisioned{Config: sink, conn: s.conn, labels: labelsOf(&list[i], sink)}
		}
	}
}

// provisioned is a sink whose objects, properties and labels are made before it is opened.
type provisioned struct {
	*hubspot.Config
	conn   *hubspot.Connection
	labels []hubspot.Need
}

// Open makes what the sink needs, and opens it.
func (p *provisioned) Open(ctx context.Context, env pipeline.Env, in *pipeline.Schema) (pipeline.Sink, error) {
	if err := hubspot.Provision(ctx, p.conn, append(p.Needs(in), p.labels...)); err != nil {
		return nil, fmt.Errorf("prepare the sandbox: %w", err)
	}
	return p.Config.Open(ctx, env, in)
}

// labelsOf returns the association labels that a pipeline's rows may name, as far as its map lists them.
func labelsOf(p *config.Pipeline, sink *hubspot.Config) (needs []hubspot.Need) {
	for _, source := range sink.LabelField() {
		for _, t := range p.Transforms {
			m, ok := t.Config.(*mapping.Config)
			if !ok {
				continue
			}
			need := hubspot.Need{Object: source.From}
			for _, label := range m.Outputs(source.Field) {
				need.Labels = append(need.Labels, hubspot.NeedLabel{To: source.To, Label: label})
			}
			needs = append(needs, need)
		}
	}
	return needs
}

// singular returns what one record of an object is called.
func singular(object string) string {
	if stem, ok := strings.CutSuffix(object, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(object, "s")
}

// tell prints what the sandbox holds of the objects that the pipelines write; nothing where they write links only.
func (s *sandbox) tell(w io.Writer, well bool) {
	if len(s.objects) == 0 {
		return
	}
	held := make([]string, len(s.objects))
	for i, object := range s.objects {
		held[i] = count(int64(s.portal.Count(object)), singular(object), object)
	}
	again := ""
	if well {
		again = " Run it again: what hasn't changed isn't written."
	}
	fmt.Fprintf(w, "\nThe local HubSpot in %s now holds %s.%s\n", sandboxDir, strings.Join(held, " and "), again)
}
