package stream

import (
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	pq "github.com/parquet-go/parquet-go/format"
)

// textLeaf finds the column of the text: strings, at most one a row.
func textLeaf(p *parquet.File, path, name string) (*parquet.Column, error) {
	c, err := scalarLeaf(p, path, name)
	if err != nil {
		return nil, err
	}
	plain := false
	switch logicalType(p, c).(type) {
	case nil, *pq.StringType, *pq.EnumType, *pq.JsonType:
		plain = true
	}
	if c.Type().Kind() != parquet.ByteArray || !plain {
		return nil, &ColumnError{Path: path, Column: name, Reason: "is " + c.Type().String() + ", not strings", Have: leafNames(p)}
	}
	return c, nil
}

// scalarLeaf finds a column whose values can be handed out as JSON.
func scalarLeaf(p *parquet.File, path, name string) (*parquet.Column, error) {
	c, err := leaf(p, path, name)
	if err != nil {
		return nil, err
	}
	if converter(p, c) == nil {
		return nil, &ColumnError{Path: path, Column: name, Reason: "type " + c.Type().String() + " is not supported", Have: leafNames(p)}
	}
	return c, nil
}

// leaf finds a column with at most one value a row. A column within groups is
// named with dots, which names may hold themselves: one that fits two columns
// names none.
func leaf(p *parquet.File, path, name string) (found *parquet.Column, err error) {
	reason := ""
	for _, c := range leaves(p.Root()) {
		switch {
		case strings.Join(c.Path(), ".") != name:
			continue
		case found != nil:
			reason = "is the name of two columns"
		case c.MaxRepetitionLevel() > 0:
			reason = "is a list"
		}
		found = c
	}
	if found == nil {
		reason = "no such column"
	}
	if reason != "" {
		return nil, &ColumnError{Path: path, Column: name, Reason: reason, Have: leafNames(p)}
	}
	return found, nil
}

// logicalType returns what the values of a column stand for, nil where that is
// what they are stored as.
func logicalType(p *parquet.File, c *parquet.Column) any {
	if l := c.Type().LogicalType(); l != nil && l.Value != nil {
		return l.Value
	}
	// Some that the library takes no notice of are in the schema alone.
	leaf := 0
	for _, e := range p.Metadata().Schema {
		if !e.Type.Valid {
			continue
		}
		if leaf == c.Index() {
			return e.LogicalType.Value
		}
		leaf++
	}
	return nil
}

func leaves(c *parquet.Column) []*parquet.Column {
	if c.Leaf() {
		return []*parquet.Column{c}
	}
	var all []*parquet.Column
	for _, child := range c.Columns() {
		all = append(all, leaves(child)...)
	}
	return all
}

func leafNames(p *parquet.File) []string {
	var names []string
	for _, c := range leaves(p.Root()) {
		names = append(names, strings.Join(c.Path(), "."))
	}
	slices.Sort(names)
	return names
}
