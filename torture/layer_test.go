package torture

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// layer runs scenarios, several at a time, until all are done or the time of -for is over: then in random order, so that
// what is done is a fair sample. of is how many a release has.
func layer[S fmt.Stringer](t *testing.T, name string, scenarios []S, of int, run func(*testing.T, S)) {
	t.Helper()
	start := time.Now()
	if *bound > 0 {
		scenarios = slices.Clone(scenarios)
		r := rand.New(rand.NewPCG(*seed, 2))
		r.Shuffle(len(scenarios), func(i, j int) { scenarios[i], scenarios[j] = scenarios[j], scenarios[i] })
	}
	var done atomic.Int64
	t.Cleanup(func() { programme.layer(name, int(done.Load()), of, time.Since(start)) })
	for _, scenario := range scenarios {
		t.Run(scenario.String(), func(t *testing.T) {
			t.Parallel()
			if *bound > 0 && time.Since(start) > *bound {
				return
			}
			run(t, scenario)
			done.Add(1)
		})
	}
}

// filtered tells whether -run leaves scenarios out: then nothing can be asked of all of them.
func filtered() bool {
	f := flag.Lookup("test.run")
	return f != nil && f.Value.String() != "" && f.Value.String() != "."
}

// asked returns the parts of the one scenario that -run names, such as a failure prints it; nil if it names several.
func asked(test string, parts int) []string {
	f := flag.Lookup("test.run")
	list := strings.Split(strings.ReplaceAll(f.Value.String(), `\`, ""), "/")
	if len(list) != parts+1 || list[0] != "^"+test+"$" {
		return nil
	}
	for i, part := range list {
		if !strings.HasPrefix(part, "^") || !strings.HasSuffix(part, "$") {
			return nil
		}
		list[i] = part[1 : len(part)-1]
	}
	return list[1:]
}
