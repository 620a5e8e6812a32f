package hubspottest

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A command is the portal as a process.
type command struct {
	addr   string
	public bool
	token  string
	state  string
	fault  string
	opt    Options
	out    io.Writer
}

// Main runs the portal as a process until it is interrupted, and returns its exit code: 0 done, 1 failed, 2 the
// arguments are wrong. It prints one line with the address as soon as it answers.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Serve(ctx, args, stdout, stderr)
}

// Serve is Main with a context that ends the process.
func Serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := command{out: stdout}
	if code, done := c.parse(args, stderr); done {
		return code
	}
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(stderr, "hubspotsim:", err)
		return 1
	}
	return 0
}

func (c *command) parse(args []string, stderr io.Writer) (code int, done bool) {
	f := flag.NewFlagSet("hubspotsim", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "Serve a HubSpot portal on this machine until interrupted.\n\nFlags:")
		f.PrintDefaults()
	}
	f.StringVar(&c.addr, "addr", "127.0.0.1:0", "`address` to listen on; port 0 takes a free one")
	f.BoolVar(&c.public, "public", false, "allow an address that other machines can reach")
	f.StringVar(&c.token, "token", "", "the only access `token` that is accepted (default: any)")
	f.Int64Var(&c.opt.Seed, "seed", 1, "`seed` of ids, order and faults")
	f.Int64Var(&c.opt.Portal, "portal", 62515, "`id` of the portal")
	f.StringVar(&c.opt.TimeZone, "zone", "UTC", "time `zone` of the account")
	f.BoolVar(&c.opt.Limits.Enabled, "limits", false, "enforce HubSpot's rate limits")
	f.IntVar(&c.opt.Limits.Daily, "daily", 0, "`requests` a day with -limits (default 625000)")
	f.DurationVar(&c.opt.Latency, "latency", 0, "`time` added to every answer")
	f.DurationVar(&c.opt.Jitter, "jitter", 0, "at most this much `time` more")
	f.StringVar(&c.state, "state", "", "`file` that keeps the portal: read at the start, written at the end")
	f.StringVar(&c.fault, "fault", "", "`file` with the fault plan, a JSON array")
	f.Func("set", "a switch as `name=value`; may be repeated", func(text string) error {
		name, value, _ := strings.Cut(text, "=")
		return c.opt.Switches.Set(name, value)
	})
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0, true
	case err != nil:
		return 2, true
	case f.NArg() > 0:
		fmt.Fprintf(stderr, "hubspotsim: unexpected argument %q\n", f.Arg(0))
		return 2, true
	}
	if err := c.check(); err != nil {
		fmt.Fprintln(stderr, "hubspotsim:", err)
		return 2, true
	}
	return 0, false
}

// check refuses addresses that other machines can reach, unless -public is given: anyone may write to the portal.
func (c *command) check() error {
	host, _, err := net.SplitHostPort(c.addr)
	if err != nil {
		return fmt.Errorf("-addr: %w", err)
	}
	if !c.public && !loopback(host) {
		return fmt.Errorf("-addr %q can be reached by other machines: give -public as well, or use 127.0.0.1", c.addr)
	}
	if _, err := time.LoadLocation(c.opt.TimeZone); err != nil {
		return fmt.Errorf("-zone: %w", err)
	}
	if c.token != "" {
		c.opt.Tokens = []Token{{Value: c.token}}
	}
	if c.fault == "" {
		return nil
	}
	data, err := os.ReadFile(c.fault)
	if err == nil {
		err = json.Unmarshal(data, &c.opt.Faults)
	}
	if err != nil {
		return fmt.Errorf("-fault: %w", err)
	}
	return nil
}

func (c *command) run(ctx context.Context) error {
	s := New(c.opt)
	defer s.Close()
	if err := c.load(s); err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "listening on http://%s\n", l.Addr())
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err = <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = server.Shutdown(grace)
	<-failed
	return errors.Join(err, c.save(s))
}

func (c *command) load(s *Server) error {
	if c.state == "" {
		return nil
	}
	f, err := os.Open(c.state)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return s.Load(f)
}

// save replaces the file in one step, so that a crash leaves the old one.
func (c *command) save(s *Server) error {
	if c.state == "" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(c.state), filepath.Base(c.state)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = s.Save(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.state)
}
