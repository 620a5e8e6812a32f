package torture

import (
	"fmt"
	"path/filepath"
	"testing"
)

// operations are what can fail, by class: a failpoint each.
var operations = []string{"file.op", "http.op", "db.op"}

// A nth is the n-th operation of a class.
type nth struct {
	class string
	n     int
	plan  bool // of a run that carries out a plan
}

// String names the operation as subtests do.
func (o nth) String() string {
	return fmt.Sprintf("%s@%d%s", o.class, o.n, map[bool]string{true: "/plan"}[o.plan])
}

// TestNthOperationFails proves that whatever operation fails, of files, of the network or of the database, the next run
// makes it good: the first, the second, the third, until a run sees no fault.
func TestNthOperationFails(t *testing.T) {
	all, sample := nthOperations(t, false)
	if *size != "test" {
		planned, some := nthOperations(t, true)
		all, sample = append(all, planned...), append(sample, some...)
	}
	if *size != "full" {
		all = sample
	}
	layer(t, "n-th operation fails", all, len(all), func(t *testing.T, o nth) {
		s := newStage(t, setups["postgres"])
		if o.plan {
			s.makePlan()
		}
		log := filepath.Join(s.dir, "points")
		r := s.start(launch{arm: []string{fmt.Sprintf("%s=error@%d", o.class, o.n)}, log: log}).wait()
		if r.code == exitKilled || r.code == exitHeld {
			t.Fatalf("%v\n%s", &r, s.story())
		}
		s.ended(&r)
		if passedPoints(t, log)[o.class] < o.n {
			programme.count("n-th operation: a run without a fault")
			if !r.well() {
				t.Errorf("nothing failed, and yet: %v\n%s", &r, r.output())
			}
		} else {
			programme.count("n-th operation failed: " + o.class)
		}
		s.settle()
	})
}

// nthOperations returns all operations of a reference run, and some beyond its last in each class, where a run must see no
// fault; and a sample. Of files, which are few and opened again and again, it has all, but for make test: there every fourth.
func nthOperations(t *testing.T, plan bool) (all, sample []nth) {
	s := newStage(t, setups["postgres"])
	if plan {
		s.makePlan()
	}
	log := filepath.Join(s.dir, "points")
	if r := s.start(launch{log: log}).wait(); !r.well() {
		t.Fatalf("the reference run: %v\n%s", &r, r.output())
	}
	passed := passedPoints(t, log)
	for _, class := range operations {
		last := passed[class] + 3
		if passed[class] == 0 {
			t.Fatalf("there is no operation of class %s", class)
		}
		step := last/sized(3, 40, last) + 1
		if class == operations[0] {
			step = sized(4, 1, 1)
		}
		for n := 1; n <= last; n++ {
			all = append(all, nth{class, n, plan})
			if n%step == 0 || n == last {
				sample = append(sample, nth{class, n, plan})
			}
		}
	}
	return all, sample
}
