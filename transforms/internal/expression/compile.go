package expression

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"sluice/pipeline"
)

// A compiler turns a tree into a closure for each node.
type compiler struct {
	source []rune
	schema *pipeline.Schema
}

// A node is a compiled part of an expression.
type node struct {
	typ      pipeline.Type // Null if it is known only value by value
	eval     eval
	value    pipeline.Value // of a literal
	constant bool           // a literal
	at       int            // its place, in characters from 0
}

func literal(v pipeline.Value) node {
	return node{typ: v.Type(), value: v, constant: true, eval: func([]pipeline.Value) (pipeline.Value, error) { return v, nil }}
}

// isNil tells whether n is the word nil.
func (n node) isNil() bool { return n.constant && n.value.IsNull() }

// failure returns an error at a place.
func failure(at int, hint, format string, args ...any) error {
	return &Error{Column: at + 1, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// located returns err with the place at, if it hasn't one.
func located(at int, err error) error {
	if e, ok := err.(*Error); err == nil || ok && e.Column > 0 {
		return err
	}
	return &Error{Column: at + 1, Message: err.Error()}
}

// node compiles a node and those below it.
func (c *compiler) node(tree ast.Node) (node, error) {
	n, err := c.compile(tree)
	if err != nil {
		return node{}, err
	}
	n.at = tree.Location().From
	return n, nil
}

func (c *compiler) compile(tree ast.Node) (node, error) {
	at := tree.Location().From
	switch n := tree.(type) {
	case *ast.NilNode:
		return literal(pipeline.Value{}), nil
	case *ast.BoolNode:
		return literal(pipeline.BoolValue(n.Value)), nil
	case *ast.StringNode:
		return literal(pipeline.StringValue(n.Value)), nil
	case *ast.IntegerNode:
		return literal(pipeline.IntValue(int64(n.Value))), nil
	case *ast.FloatNode:
		return c.decimalLiteral(n)
	case *ast.IdentifierNode:
		return c.column(at, n.Value)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return node{}, unknownFunction(at, n.Name)
	}
	what := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", tree), "*ast."), "Node"))
	return node{}, failure(at, "", "%s isn't supported in expressions", map[string]string{
		"member": "access to members", "chain": "access to members", "slice": "slicing", "array": "a list outside of in",
		"map": "a map", "variabledeclarator": "let", "sequence": "a sequence",
	}[what])
}

// decimalLiteral returns a number with a point or an exponent as it is written, with all its digits.
func (c *compiler) decimalLiteral(n *ast.FloatNode) (node, error) {
	at := n.Location()
	text := strings.ReplaceAll(string(c.source[at.From:min(at.To, len(c.source))]), "_", "")
	if d, ok := parseDecimal(text); ok {
		return literal(d.value()), nil
	}
	d, ok := parseDecimal(strconv.FormatFloat(n.Value, 'f', -1, 64)) // with an exponent
	if !ok {
		return node{}, failure(at.From, "", "%s is no number", pipeline.Quote(text))
	}
	return literal(d.value()), nil
}

// column reads a column of the row.
func (c *compiler) column(at int, name string) (node, error) {
	i := c.schema.Index(pipeline.Column, name)
	if i < 0 {
		return node{}, failure(at, pipeline.Suggest(name, c.schema.Names(pipeline.Column), "columns"), "unknown column %s", pipeline.Quote(name))
	}
	return node{typ: c.schema.Fields[i].Type, eval: func(row []pipeline.Value) (pipeline.Value, error) { return row[i], nil }}, nil
}

// conditional compiles c ? a : b. A null condition counts as false.
func (c *compiler) conditional(n *ast.ConditionalNode) (node, error) {
	cond, err := c.node(n.Cond)
	if err != nil {
		return node{}, err
	}
	if err := wantBool(cond, "the condition"); err != nil {
		return node{}, err
	}
	yes, err := c.node(n.Exp1)
	if err != nil {
		return node{}, err
	}
	no, err := c.node(n.Exp2)
	if err != nil {
		return node{}, err
	}
	return node{typ: common(yes, no), eval: func(row []pipeline.Value) (pipeline.Value, error) {
		is, err := truth(cond, row)
		if err != nil {
			return pipeline.Value{}, err
		}
		if is == yesTruth {
			return yes.eval(row)
		}
		return no.eval(row)
	}}, nil
}

// common returns the type of a value that is one of nodes.
func common(nodes ...node) pipeline.Type {
	typ := pipeline.Null
	for _, n := range nodes {
		switch {
		case n.isNil() || n.typ == typ:
		case n.typ == pipeline.Null:
			return pipeline.Null
		case typ == pipeline.Null:
			typ = n.typ
		default:
			return pipeline.Null
		}
	}
	return typ
}

// call compiles the call of a function.
func (c *compiler) call(n *ast.CallNode) (node, error) {
	at := n.Location().From
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return node{}, failure(at, "", "only functions can be called")
	}
	if callee.Value == "column" {
		name, ok := columnName(n)
		if !ok {
			return node{}, failure(at, "", `column takes the name of a column in quotes, such as column("First name")`)
		}
		return c.column(at, name)
	}
	f, ok := functions[callee.Value]
	if !ok {
		return node{}, unknownFunction(at, callee.Value)
	}
	args := make([]node, len(n.Arguments))
	for i, argument := range n.Arguments {
		var err error
		if args[i], err = c.node(argument); err != nil {
			return node{}, err
		}
	}
	if err := f.check(at, callee.Value, args); err != nil {
		return node{}, err
	}
	return f.compile(at, args)
}

func unknownFunction(at int, name string) error {
	switch name {
	case "now", "today", "random", "rand", "uuid":
		return failure(at, "use a column, such as one that the source computes", "%s isn't available: its value changes from run to run, so that every row would be written again and again", name)
	case "if":
		return failure(at, "write condition ? a : b", "unknown function %s", name)
	}
	return failure(at, pipeline.Suggest(name, functionNames(), "functions"), "unknown function %s", pipeline.Quote(name))
}
