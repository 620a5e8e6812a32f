package csv

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

// match returns the files that path names, in the order they are read: that of the list, and of names where one of
// its entries matches several. A file that is named twice is read once.
func (c *Config) match() ([]string, error) {
	if len(c.Path) == 0 {
		return nil, &pipeline.FieldError{Path: "path", Err: errors.New("names no file")}
	}
	var paths []string
	for i, pattern := range c.Path {
		found, err := expand(pattern)
		if err != nil {
			return nil, c.pathError(i, err)
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

func (c *Config) pathError(i int, err error) error {
	if len(c.Path) == 1 {
		return &pipeline.FieldError{Path: "path", Err: err}
	}
	return &pipeline.FieldError{Path: "path." + strconv.Itoa(i), Err: err}
}

// expand returns the files that one entry of path names. An entry that is the name of a file is no pattern.
func expand(pattern string) ([]string, error) {
	if err := checkFile(pattern); err == nil || !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}, err
	}
	if strings.Contains(pattern, "**") {
		return nil, fmt.Errorf("%q: ** isn't supported: name each folder, such as a/*.csv and a/*/*.csv", pattern)
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q isn't a pattern: %w", pattern, err)
	}
	found = slices.DeleteFunc(found, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir()
	})
	if len(found) == 0 {
		return nil, fmt.Errorf("%q matches no file", pattern)
	}
	for _, path := range found {
		if err := checkFile(path); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// checkFile returns an error unless path is a file that can be read more than once.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case path == "":
		return errors.New("the name of the file is empty")
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the file %q doesn't exist", path)
	case err != nil:
		return fmt.Errorf("find the file: %w", err)
	case info.IsDir():
		return fmt.Errorf("%q is a folder: name its files, such as %q", path, filepath.Join(path, "*.csv"))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%q isn't a regular file: copy it to one, because a run that was interrupted reads it again", path)
	}
	return nil
}
