package main

import (
	"sluice/pipeline"
	"sluice/sinks/hubspot"
	"sluice/sources/csv"
	"sluice/sources/parquet"
	"sluice/sources/postgres"
	"sluice/transforms/filter"
	"sluice/transforms/mapping"
	"sluice/transforms/resolve"
)

// kinds is the list of what is compiled in.
var kinds = pipeline.Kinds{
	Connections: []pipeline.Kind[pipeline.ConnectionConfig]{postgres.ConnectionKind, hubspot.ConnectionKind},
	Sources:     []pipeline.Kind[pipeline.SourceConfig]{csv.Kind, parquet.Kind, postgres.Kind},
	Transforms:  []pipeline.Kind[pipeline.TransformConfig]{mapping.Kind, filter.Kind, resolve.Kind},
	Sinks:       []pipeline.Kind[pipeline.SinkConfig]{hubspot.Kind},
}
