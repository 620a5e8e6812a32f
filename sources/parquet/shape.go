package parquet

import (
	"fmt"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"

	"sluice/pipeline"
)

// A column is a column at the top of a file's schema.
type column struct {
	field  pipeline.Field
	node   schema.Node
	leaf   int // its first leaf
	leaves int
}

func (c column) flat() bool {
	_, ok := c.node.(*schema.PrimitiveNode)
	return ok && c.node.RepetitionType() != parquet.Repetitions.Repeated
}

func primitive(n schema.Node) *schema.PrimitiveNode { return n.(*schema.PrimitiveNode) }

// columnsOf returns the columns of a file's schema.
func columnsOf(root *schema.GroupNode, enc string) ([]column, error) {
	var columns []column
	leaf := 0
	seen := map[string]bool{}
	for i := range root.NumFields() {
		c := column{node: root.Field(i), leaf: leaf}
		name := c.node.Name()
		if seen[name] {
			return nil, fmt.Errorf("the column %q is there twice", name)
		}
		if name == "" {
			return nil, fmt.Errorf("column %d has no name", i+1)
		}
		seen[name] = true
		if err := checkLeaves(c.node, &c.leaves); err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		c.field = pipeline.Field{Name: name, Type: pipeline.JSON}
		if c.flat() {
			c.field.Type = typeOf(primitive(c.node), enc)
		}
		leaf += c.leaves
		columns = append(columns, c)
	}
	return columns, nil
}

// checkLeaves counts the leaves of n, and refuses what can't be read.
func checkLeaves(n schema.Node, count *int) error {
	g, ok := n.(*schema.GroupNode)
	if !ok {
		*count++
		if d, ok := n.LogicalType().(schema.DecimalLogicalType); ok && (d.Scale() < 0 || d.Scale() > maxScale) {
			return fmt.Errorf("a decimal with %d digits after the point is not supported", d.Scale())
		}
		return nil
	}
	if g.NumFields() == 0 {
		return fmt.Errorf("the group %q has no columns", n.Name())
	}
	for i := range g.NumFields() {
		if err := checkLeaves(g.Field(i), count); err != nil {
			return err
		}
	}
	return nil
}

type nodeKind uint8

const (
	leafNode nodeKind = iota
	structNode
	listNode
	mapNode
)

// A node is a part of a nested column. Its levels follow the Parquet format's page on nested encoding.
type node struct {
	kind     nodeKind
	name     string
	in       int16 // the definition level of what the node is in, which is there
	def      int16 // below this definition level the node is null
	full     int16 // list, map: below this level it is empty
	rep      int16 // list, map: the repetition level of further elements
	children []*node
	leaves   []*leaf // all below the node
}

// A treeBuilder makes the nodes of a column and takes their leaves in order.
type treeBuilder struct{ rest []*leaf }

// node makes the node of n; def and rep are the levels of what it is in.
func (b *treeBuilder) node(n schema.Node, def, rep int16) *node {
	switch n.RepetitionType() {
	case parquet.Repetitions.Optional:
		made := b.present(n, def+1, rep)
		made.in = def
		return made
	case parquet.Repetitions.Repeated: // a list without a group around it: never null
		all := b.rest
		elem := b.present(n, def+1, rep+1)
		return b.over(all, &node{kind: listNode, name: n.Name(), in: def, def: def, full: def + 1, rep: rep + 1, children: []*node{elem}})
	}
	return b.present(n, def, rep)
}

// present makes the node of n, whatever its repetition.
func (b *treeBuilder) present(n schema.Node, def, rep int16) *node {
	all := b.rest
	g, ok := n.(*schema.GroupNode)
	if !ok {
		b.rest = b.rest[1:]
		return &node{kind: leafNode, name: n.Name(), in: def, def: def, leaves: all[:1]}
	}
	made := &node{kind: structNode, name: n.Name(), in: def, def: def}
	switch inner := repeatedChild(g); {
	case inner != nil && annotated(g, schema.ConvertedTypes.List, schema.ListLogicalType{}):
		made.kind, made.full, made.rep = listNode, def+1, rep+1
		if elem := listElement(g, inner); elem != nil {
			made.children = []*node{b.node(elem, def+1, rep+1)}
		} else {
			made.children = []*node{b.present(inner, def+1, rep+1)}
		}
	case inner != nil && isMap(g, inner):
		made.kind, made.full, made.rep = mapNode, def+1, rep+1
		entry := inner.(*schema.GroupNode)
		made.children = []*node{b.node(entry.Field(0), def+1, rep+1), b.node(entry.Field(1), def+1, rep+1)}
	default:
		for i := range g.NumFields() {
			made.children = append(made.children, b.node(g.Field(i), def, rep))
		}
	}
	return b.over(all, made)
}

// over gives n the leaves that were taken since all.
func (b *treeBuilder) over(all []*leaf, n *node) *node {
	n.leaves = all[:len(all)-len(b.rest)]
	return n
}

func repeatedChild(g *schema.GroupNode) schema.Node {
	if g.NumFields() == 1 && g.Field(0).RepetitionType() == parquet.Repetitions.Repeated {
		return g.Field(0)
	}
	return nil
}

func annotated(g *schema.GroupNode, old schema.ConvertedType, now schema.LogicalType) bool {
	return g.ConvertedType() == old || g.LogicalType() != nil && g.LogicalType().Equals(now)
}

func isMap(g *schema.GroupNode, inner schema.Node) bool {
	entry, ok := inner.(*schema.GroupNode)
	return ok && entry.NumFields() == 2 &&
		(annotated(g, schema.ConvertedTypes.Map, schema.MapLogicalType{}) || g.ConvertedType() == schema.ConvertedTypes.MapKeyValue)
}

// listElement returns the element of a list of three levels, or nil if inner itself is the element, as in the lists of
// two levels that old programs wrote. The rules are the Parquet format's.
func listElement(g *schema.GroupNode, inner schema.Node) schema.Node {
	group, ok := inner.(*schema.GroupNode)
	if !ok || group.NumFields() != 1 || inner.Name() == "array" || inner.Name() == g.Name()+"_tuple" {
		return nil
	}
	if group.Field(0).RepetitionType() == parquet.Repetitions.Repeated {
		return nil
	}
	return group.Field(0)
}
