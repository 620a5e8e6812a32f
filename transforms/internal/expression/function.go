package expression

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/pipeline"
)

// A function is what can be called. Unless it keeps nulls, it is null if one of its arguments is.
type function struct {
	params   string // a letter for each: see accepts; those behind | may be left out, and * repeats the last
	typ      func(args []node) pipeline.Type
	keepNull bool
	call     func(args []pipeline.Value) (pipeline.Value, error)
	// prepare makes call from the arguments, for those that must be written in the expression.
	prepare func(args []node) (func(args []pipeline.Value) (pipeline.Value, error), error)
	// lazy evaluates the arguments itself.
	lazy func(args []node) eval
}

// limits returns how many arguments f takes; most is -1 if there is no limit.
func (f *function) limits() (least, most int) {
	letters := f.letters()
	least, most = len(letters), len(letters)
	if i := strings.IndexByte(f.params, '|'); i >= 0 {
		least = i
	}
	if strings.HasSuffix(f.params, "*") {
		most = -1
	}
	return least, most
}

func (f *function) letters() string {
	return strings.ReplaceAll(strings.ReplaceAll(f.params, "|", ""), "*", "")
}

// param returns the letter of the i-th argument.
func (f *function) param(i int) byte {
	letters := f.letters()
	return letters[min(i, len(letters)-1)]
}

// accepts tells whether an argument of the type fits the letter, and what would fit.
func accepts(letter byte, t pipeline.Type) (ok bool, want string) {
	switch letter {
	case 's':
		return isText(t), "text"
	case 'i':
		return t == pipeline.Int || t == pipeline.Null, "a whole number"
	case 'n':
		return isNumber(t) || t == pipeline.Null, "a number"
	case 'd':
		return isDay(t) || t == pipeline.Null, "a date or a time"
	}
	return true, "anything"
}

// check complains of a wrong number or wrong types of arguments.
func (f *function) check(at int, name string, args []node) error {
	least, most := f.limits()
	if len(args) < least || most >= 0 && len(args) > most {
		count := fmt.Sprintf("%d arguments", least)
		switch {
		case most < 0:
			count = "at least " + count
		case most > least:
			count = fmt.Sprintf("%d to %d arguments", least, most)
		case least == 1:
			count = "1 argument"
		}
		return failure(at, "", "%s takes %s, not %d", name, count, len(args))
	}
	for i, arg := range args {
		if ok, want := accepts(f.param(i), arg.typ); !ok {
			hint := "convert it, as with int(x), decimal(x) or date(x)"
			if want == "text" {
				hint = "write string(x)"
			}
			return failure(arg.at, hint, "%s needs %s here, not %s", name, want, arg.typ)
		}
	}
	return nil
}

// compile returns the call of f.
func (f *function) compile(at int, args []node) (node, error) {
	n := node{typ: f.typ(args)}
	if f.lazy != nil {
		n.eval = f.lazy(args)
		return n, nil
	}
	call := f.call
	if f.prepare != nil {
		var err error
		if call, err = f.prepare(args); err != nil {
			return node{}, err
		}
	}
	values := make([]pipeline.Value, len(args)) // one is enough: a call doesn't contain itself
	letters := make([]byte, len(args))
	for i := range args {
		letters[i] = f.param(i)
	}
	n.eval = func(row []pipeline.Value) (pipeline.Value, error) {
		for i := range args {
			v, err := args[i].eval(row)
			if err != nil || v.IsNull() && !f.keepNull {
				return null, err
			}
			if ok, want := accepts(letters[i], v.Type()); !ok {
				return null, failure(args[i].at, "", "expected %s, found %s %s", want, v.Type(), quote(v))
			}
			values[i] = v
		}
		v, err := call(values)
		return v, located(at, err)
	}
	return n, nil
}

// lazyCoalesce returns the first argument that isn't null.
func lazyCoalesce(args []node) eval {
	return func(row []pipeline.Value) (v pipeline.Value, err error) {
		for i := range args {
			if v, err = args[i].eval(row); err != nil || !v.IsNull() {
				return v, err
			}
		}
		return null, nil
	}
}

func gives(t pipeline.Type) func([]node) pipeline.Type {
	return func([]node) pipeline.Type { return t }
}

func givesFirst(args []node) pipeline.Type { return args[0].typ }

func givesCommon(args []node) pipeline.Type { return common(args...) }

func functionNames() []string { return slices.Sorted(maps.Keys(functions)) }
