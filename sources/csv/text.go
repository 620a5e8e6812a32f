package csv

import "sluice/pipeline"

var _ pipeline.TextSource = (*Config)(nil)

// ColumnType returns the type that the config gives a column.
func (c *Config) ColumnType(name string) pipeline.Type {
	if t, ok := pipeline.ParseType(c.Types[name]); ok {
		return t
	}
	return pipeline.String
}

// ReadText returns what a field without quotes stands for.
func (c *Config) ReadText(name, text string) (pipeline.Value, *pipeline.RowError) {
	d := &dialect{emptyText: c.Empty == "string", nulls: c.Nulls}
	return d.value(&column{name: name, typ: c.ColumnType(name)}, text, false)
}
