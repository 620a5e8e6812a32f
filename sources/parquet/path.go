package parquet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/pipeline"
)

// expand returns the files that patterns name, in the order of the patterns and of the names within one, each once.
func expand(patterns []string) ([]string, error) {
	if len(patterns) == 0 {
		return nil, &pipeline.FieldError{Path: "path", Err: fmt.Errorf("no file is named")}
	}
	var paths []string
	for i, pattern := range patterns {
		names, err := expandOne(pattern)
		if err != nil {
			path := "path"
			if len(patterns) > 1 {
				path = fmt.Sprintf("path.%d", i)
			}
			return nil, &pipeline.FieldError{Path: path, Err: err}
		}
		for _, name := range names {
			if !slices.Contains(paths, name) {
				paths = append(paths, name)
			}
		}
	}
	return paths, nil
}

func expandOne(pattern string) ([]string, error) {
	if _, err := os.Stat(pattern); err == nil || !strings.ContainsAny(pattern, `*?[\`) {
		return []string{pattern}, nil // a name that looks like a glob but is a file's; or a missing file, told when it is opened
	}
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("the glob %q: %w", pattern, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no file matches %q", pattern)
	}
	slices.Sort(names)
	return names, nil
}
