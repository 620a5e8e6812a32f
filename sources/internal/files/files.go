// Package files finds the files that a source's option path names.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sluice/pipeline"
)

// Match returns the files that the entries of a path option name, in the order they are read: that of the entries, and
// of names where one of them is a pattern (as of filepath.Match) that matches several. An entry that is the name of a
// file is no pattern. A file that is named twice is there once. There is at least one file, and each passes Check;
// otherwise the error is a *pipeline.FieldError of the option "path". The extension, such as ".csv", is what files have
// in examples; they may have any other.
func Match(entries []string, extension string) ([]string, error) {
	if len(entries) == 0 {
		return nil, &pipeline.FieldError{Path: "path", Err: errors.New("names no file")}
	}
	var paths []string
	for i, entry := range entries {
		found, err := expand(entry, extension)
		if err != nil {
			return nil, entryError(entries, i, err)
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

func entryError(entries []string, i int, err error) error {
	if len(entries) == 1 {
		return &pipeline.FieldError{Path: "path", Err: err}
	}
	return &pipeline.FieldError{Path: "path." + strconv.Itoa(i), Err: err}
}

// expand returns the files that one entry names, in the order of their names.
func expand(entry, extension string) ([]string, error) {
	if err := Check(entry, extension); err == nil || !strings.ContainsAny(entry, "*?[") {
		return []string{entry}, err
	}
	if strings.Contains(entry, "**") {
		return nil, fmt.Errorf("%[1]q: ** isn't supported: name each folder, such as a/*%[2]s and a/*/*%[2]s", entry, extension)
	}
	found, err := filepath.Glob(entry)
	if err != nil {
		return nil, fmt.Errorf("%q isn't a pattern: %w", entry, err)
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir()
	})
	if len(found) == 0 {
		return nil, fmt.Errorf("%q matches no file", entry)
	}
	for _, path := range found {
		if err := Check(path, extension); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	return found, nil
}

// Check returns an error, which names path, unless it is a file that can be read more than once. A pipe isn't one, and
// opening it would block.
func Check(path, extension string) error {
	info, err := os.Stat(path)
	switch {
	case path == "":
		return errors.New("the name of the file is empty")
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the file %q doesn't exist", path)
	case err != nil:
		return fmt.Errorf("find the file: %w", err)
	case info.IsDir():
		return fmt.Errorf("%q is a folder: name its files, such as %q", path, filepath.Join(path, "*"+extension))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%q isn't a regular file: copy it to one, because a run that was interrupted reads it again", path)
	}
	return nil
}
