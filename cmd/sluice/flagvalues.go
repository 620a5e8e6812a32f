package main

import (
	"errors"
	"strconv"
)

// A logFormat is the value of --log-format; "" lets the terminal decide.
type logFormat string

// Set takes text or json.
func (f *logFormat) Set(text string) error {
	if text != "text" && text != "json" {
		return errors.New("expected text or json")
	}
	*f = logFormat(text)
	return nil
}

// String returns the format.
func (f *logFormat) String() string { return string(*f) }

// Type names what the flag takes.
func (*logFormat) Type() string { return "string" }

// A rowLimit is the value of --limit; 0 means none.
type rowLimit int64

// Set takes a number that isn't negative.
func (n *rowLimit) Set(text string) error {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 {
		return errors.New("expected a whole number, such as 100; 0 means no limit")
	}
	*n = rowLimit(number)
	return nil
}

// String returns the number.
func (n *rowLimit) String() string { return strconv.FormatInt(int64(*n), 10) }

// Type names what the flag takes.
func (*rowLimit) Type() string { return "int" }
