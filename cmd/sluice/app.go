package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice/pipeline"
)

// An app is one invocation of the program: its streams, its environment and the flags that all commands share.
type app struct {
	stdout, stderr io.Writer
	lookup         func(string) (string, bool)
	drain          chan struct{} // closed by the first signal
	file           string
	logFormat      logFormat
	verbose        bool
	mute           bool // log nothing
	answered       bool // a JSON document was printed
}

// drainGrace is how long what is in flight may take after the first signal. It is shorter than the 30 seconds after which
// Kubernetes kills a container.
const drainGrace = 25 * time.Second

// Main runs the program and returns its exit code. The first signal drains what is running; the second, or the end of the
// grace period, aborts it. Both leave it resumable.
func Main(args []string, stdout, stderr io.Writer, lookup func(string) (string, bool), signals <-chan os.Signal) int {
	out := &output{Writer: stdout}
	a := &app{stdout: out, stderr: stderr, lookup: lookup, drain: make(chan struct{})}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go a.listen(signals, func() { cancel(pipeline.ErrInterrupted) }, ctx.Done())

	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && err.Error() != "" {
		fmt.Fprintln(stderr, "sluice:", err)
	}
	if out.err != nil && !errors.Is(err, out.err) {
		fmt.Fprintln(stderr, "sluice: what was done can't be told:", out.err)
		if err == nil {
			err = &exitError{code: exitFailed}
		}
	}
	if err != nil {
		a.printFailure(cmd, args, err)
	}
	if err != nil && context.Cause(ctx) == pipeline.ErrInterrupted {
		return exitInterrupted // whatever it was that the abort broke off
	}
	return exitCode(err)
}

// An output is stdout. It remembers why it couldn't be written to: what a command prints is what it was asked for.
type output struct {
	io.Writer
	err error
}

// Write writes to stdout.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// listen turns signals into a drain and then into an abort.
func (a *app) listen(signals <-chan os.Signal, abort func(), done <-chan struct{}) {
	select {
	case <-signals:
	case <-done:
		return
	}
	fmt.Fprintf(a.messages(), "sluice: stopping: finishing what is in flight, for at most %s; once more aborts\n", drainGrace)
	close(a.drain)
	grace := time.NewTimer(drainGrace)
	defer grace.Stop()
	select {
	case <-signals:
	case <-grace.C:
		fmt.Fprintf(a.messages(), "sluice: aborting: what was in flight %s after the signal is settled by the next run\n", drainGrace)
	case <-done:
		return
	}
	abort()
}

// preparing returns a context for what is opened before anything is in flight: a drain ends it. With ready the opening is over,
// and what was opened may go on with the context, which a drain doesn't end any more; false if one has ended it.
func (a *app) preparing(ctx context.Context) (prepared context.Context, ready func() bool) {
	prepared, abort := context.WithCancelCause(ctx)
	var once sync.Once
	open, drained := make(chan struct{}), false
	go func() {
		select {
		case <-a.drain:
			once.Do(func() {
				drained = true
				abort(pipeline.ErrInterrupted)
			})
		case <-open:
		}
	}()
	return prepared, func() bool {
		once.Do(func() {})
		close(open)
		return !drained
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "sluice",
		Short:         "Stream rows from Postgres, Parquet or CSV into HubSpot",
		Long:          "Sluice streams rows from Postgres, Parquet or CSV into HubSpot, as pipelines.yaml says:\nonly what changed, nothing lost and nothing doubled, at the limit of the API and never over it.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	file, ok := a.lookup("SLUICE_CONFIG")
	if !ok {
		file = "pipelines.yaml"
	}
	flags := root.PersistentFlags()
	flags.StringVarP(&a.file, "file", "f", file, "the file that says which pipelines there are (SLUICE_CONFIG)")
	flags.Var(&a.logFormat, "log-format", "progress as log lines: text or json (text where stderr is no terminal)")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "log more")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return input(err) })
	root.AddCommand(
		a.runCommand(), a.planCommand(), a.validateCommand(), a.statusCommand(), a.parkedCommand(), a.provisionCommand(), a.rejectsCommand(), a.explainCommand(),
		a.verifyCommand(), a.reconcileCommand(), a.migrateCommand(),
		a.testCommand(), a.kindsCommand(), a.schemaCommand(), a.simulateCommand(), a.versionCommand(),
	)
	for _, c := range root.Commands() {
		c.Args = inputArgs(c.Args)
	}
	group(root)
	return root
}

// group makes a command that only has subcommands refuse what is none of them.
func group(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		hint := fmt.Sprintf("see %s --help", cmd.CommandPath())
		if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
			hint = fmt.Sprintf("did you mean %q?", similar[0])
		}
		return input(fmt.Errorf("unknown command %q: %s", cmd.CommandPath()+" "+args[0], hint))
	}
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%q takes no arguments, but got %q", cmd.CommandPath(), args[0])
}

// inputArgs makes wrong arguments end the program with the code for wrong input.
func inputArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		return input(check(cmd, args))
	}
}

// terminal tells whether w is one, and how wide it is.
func terminal(w io.Writer) (width int, ok bool) {
	if o, wrapped := w.(*output); wrapped {
		w = o.Writer
	}
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width, true
	}
	return 80, true
}

// live tells whether progress is drawn, rather than logged.
func (a *app) live() bool {
	if _, tty := terminal(a.stderr); !tty || a.logFormat != "" {
		return false
	}
	kind, _ := a.lookup("TERM")
	return kind != "dumb"
}

// messages returns stderr for what is said while progress may be drawn.
func (a *app) messages() io.Writer {
	if a.live() {
		return overwriter{a.stderr}
	}
	return a.stderr
}

// log returns the logger for stderr. While progress is drawn only warnings are logged.
func (a *app) log() *slog.Logger {
	if a.mute {
		return slog.New(slog.DiscardHandler)
	}
	level := slog.LevelInfo
	if a.live() {
		level = slog.LevelWarn
	}
	if a.verbose {
		level = slog.LevelDebug
	}
	opts := &slog.HandlerOptions{Level: level}
	if a.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.messages(), opts))
	}
	return slog.New(slog.NewTextHandler(a.messages(), opts))
}
