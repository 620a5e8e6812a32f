// Package expression compiles and evaluates the expressions of transforms, such as `lower(trim(email))`.
//
// The grammar is that of expr-lang. What the operators and functions do is our own, because rows need it different:
// a null makes the result null, as in SQL, and doesn't fail; decimals and 64-bit integers are exact; an overflow, a
// division by zero or a value that isn't finite is an error of the row; and nothing depends on anything but the row, so
// that the same row always gives the same result. There are no loops, so that the cost is bounded by the expression.
//
// Rules that aren't obvious:
//
//   - x == nil and x != nil ask whether x is null. Any other comparison with a null is null.
//   - and, or and not know three values: false and null is false, true or null is true.
//   - Int and Decimal mix, exactly. A quotient is a Decimal, rounded to 20 places where it doesn't end before. A Float
//     mixes with Ints and with numbers written in the expression; a Decimal has to be converted first.
//   - A Float is compared as the number that it is written as: float("0.1") == 0.1.
//   - Text isn't converted to a number, a date or a truth value, unless asked for: int(x), decimal(x), date(x), …
package expression

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"sluice/pipeline"
)

// Bounds of what an expression may be.
const (
	maxSource = 16 << 10 // bytes
	maxNodes  = 2000
)

// A Program is a compiled expression. It must not be used concurrently.
type Program struct {
	source string
	typ    pipeline.Type
	eval   eval
}

// eval computes a value from the values of a row.
type eval func(row []pipeline.Value) (pipeline.Value, error)

// An Error is what is wrong with an expression, or with its value for one row.
type Error struct {
	Column  int // in characters of the expression, counted from 1
	Message string
	Hint    string // what to do; "" if the message says it all
}

// Error returns the place and the message.
func (e *Error) Error() string { return fmt.Sprintf("character %d: %s", e.Column, e.Message) }

// Compile checks an expression against the columns of a schema. Errors are *Error.
func Compile(source string, in *pipeline.Schema) (*Program, error) {
	tree, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := compiler{source: []rune(source), schema: in}
	n, err := c.node(tree)
	if err != nil {
		return nil, err
	}
	return &Program{source: source, typ: n.typ, eval: n.eval}, nil
}

// Check returns what is wrong with an expression whatever columns there are, and of whatever types. Errors are *Error.
func Check(source string) error {
	names, _ := Columns(source) // none if it can't be parsed, which Compile says
	all := &pipeline.Schema{}
	for _, name := range names {
		all.Fields = append(all.Fields, pipeline.Field{Name: name, Role: pipeline.Column})
	}
	_, err := Compile(source, all)
	return err
}

// Type returns the type of the program's values; Null if it is known only value by value.
func (p *Program) Type() pipeline.Type { return p.typ }

// Eval returns the expression's value for a row, which has the schema that the program was compiled with.
// Errors are *pipeline.RowError with the code "expression".
func (p *Program) Eval(row []pipeline.Value) (pipeline.Value, error) {
	v, err := p.eval(row)
	if f := v.Float(); err == nil && v.Type() == pipeline.Float && (math.IsNaN(f) || math.IsInf(f, 0)) {
		err = &Error{Column: 1, Message: fmt.Sprintf("%v is no finite number", f)}
	}
	if err != nil {
		return pipeline.Value{}, pipeline.Rejectf("expression", "expression %s, %w", pipeline.Quote(p.source), err)
	}
	return v, nil
}

// FieldError returns an error of Compile as one of the option at path.
func FieldError(path string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return &pipeline.FieldError{Path: path, Err: err}
	}
	return &pipeline.FieldError{Path: path, Err: e, Hint: e.Hint}
}

// Column returns the place of a column in the rows of a schema; the error is one of the option at path.
func Column(in *pipeline.Schema, path, name string) (int, error) {
	i := in.Index(pipeline.Column, name)
	if i >= 0 {
		return i, nil
	}
	return i, &pipeline.FieldError{Path: path, Err: fmt.Errorf("unknown column %s", pipeline.Quote(name)), Hint: pipeline.Suggest(name, in.Names(pipeline.Column), "columns")}
}

// Columns returns the names of the columns that an expression uses, sorted; ok is false if it can't be parsed.
func Columns(source string) (names []string, ok bool) {
	tree, err := parse(source)
	if err != nil {
		return nil, false
	}
	var u columnUses
	ast.Walk(&tree, &u)
	for _, n := range u.identifiers {
		u.names = append(u.names, n.Value)
	}
	slices.Sort(u.names)
	return slices.Compact(u.names), true
}

// columnUses collects what stands for columns.
type columnUses struct {
	names       []string
	identifiers []*ast.IdentifierNode
}

// Visit is called for each node, after those below it: a function's name has been taken for a column before its call
// is visited.
func (u *columnUses) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		u.identifiers = append(u.identifiers, n)
	case *ast.CallNode:
		u.identifiers = slices.DeleteFunc(u.identifiers, func(i *ast.IdentifierNode) bool { return i == n.Callee })
		if name, ok := columnName(n); ok {
			u.names = append(u.names, name)
		}
	}
}

// columnName returns the name in column("name").
func columnName(call *ast.CallNode) (string, bool) {
	callee, ok := call.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "column" || len(call.Arguments) != 1 {
		return "", false
	}
	name, ok := call.Arguments[0].(*ast.StringNode)
	if !ok {
		return "", false
	}
	return name.Value, true
}

// parse returns the tree of an expression, in which every call is one of ours.
func parse(source string) (ast.Node, error) {
	if len(source) > maxSource {
		return nil, &Error{Column: 1, Message: fmt.Sprintf("the expression is longer than %d bytes", maxSource)}
	}
	config := conf.CreateNew()
	config.MaxNodes = maxNodes
	for _, f := range builtin.Builtins {
		config.Disabled[f.Name] = true
	}
	tree, err := parser.ParseWithConfig(source, config)
	if err != nil {
		e := &Error{Column: 1, Message: err.Error()}
		if at, ok := errors.AsType[*file.Error](err); ok {
			e.Column, e.Message = min(at.From, utf8.RuneCountInString(source))+1, at.Message
		}
		if m := unexpected.FindStringSubmatch(e.Message); m != nil {
			e.Hint = fromSQL[strings.ToLower(m[1])]
		}
		return nil, e
	}
	return tree.Node, nil
}

var unexpected = regexp.MustCompile(`^unexpected token (?:Operator|Identifier)\("(.*)"\)`)

// fromSQL is what to write instead of what SQL has for it, by the first word that the parser doesn't expect.
var fromSQL = map[string]string{
	"=": "to compare, write ==", "and": "write and, in small letters", "or": "write or, in small letters",
	"is": "to ask for a null, write x == nil or x != nil", "in": `write in, and the list as ["a", "b"]`,
	"like": "write contains, starts_with(x, y), ends_with(x, y) or matches",
}
