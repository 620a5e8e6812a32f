package expression

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/pipeline"
)

// maxText bounds a text that an expression makes, in bytes.
const maxText = 1 << 20

func text(s string) (pipeline.Value, error) {
	if len(s) > maxText {
		return null, errTooLong
	}
	return pipeline.StringValue(s), nil
}

var (
	errTooLong    = fmt.Errorf("the result is longer than %d bytes", maxText)
	errTooLongFor = fmt.Errorf("the text is longer than the %d bytes that are taken apart", maxText)
)

// joined returns texts one after another.
func joined(parts ...string) (pipeline.Value, error) { return text(strings.Join(parts, "")) }

func stringFunction(f func(string) string) *function {
	return &function{params: "s", typ: gives(pipeline.String), call: func(args []pipeline.Value) (pipeline.Value, error) {
		return text(f(args[0].Text()))
	}}
}

func testFunction(f func(s, part string) bool) *function {
	return &function{params: "ss", typ: gives(pipeline.Bool), call: func(args []pipeline.Value) (pipeline.Value, error) {
		return pipeline.BoolValue(f(args[0].Text(), args[1].Text())), nil
	}}
}

// trimFunction cuts white space, or the characters given, off the ends.
func trimFunction(space func(string, func(rune) bool) string, set func(s, cutset string) string) *function {
	return &function{params: "s|s", typ: gives(pipeline.String), call: func(args []pipeline.Value) (pipeline.Value, error) {
		if len(args) == 1 {
			return pipeline.StringValue(space(args[0].Text(), unicode.IsSpace)), nil
		}
		return pipeline.StringValue(set(args[0].Text(), args[1].Text())), nil
	}}
}

// concat joins the texts of all arguments.
func concat(args []pipeline.Value) (pipeline.Value, error) {
	var b []byte
	for _, v := range args {
		if b = v.Append(b); len(b) > maxText {
			return null, errTooLong
		}
	}
	return pipeline.StringValue(string(b)), nil
}

// concatWS joins the texts of all arguments that aren't null with the first one between them.
func concatWS(args []pipeline.Value) (pipeline.Value, error) {
	if args[0].IsNull() {
		return null, nil
	}
	var parts []string
	size := 0
	for _, v := range args[1:] {
		if !v.IsNull() {
			parts = append(parts, v.String())
			size += len(parts[len(parts)-1]) + len(args[0].Text())
		}
	}
	if size > 2*maxText {
		return null, errTooLong
	}
	return text(strings.Join(parts, args[0].Text()))
}

func length(args []pipeline.Value) (pipeline.Value, error) {
	return pipeline.IntValue(int64(utf8.RuneCountInString(args[0].Text()))), nil
}

// substr returns the part of a text from a character, counted from 1, of at most so many characters.
func substr(args []pipeline.Value) (pipeline.Value, error) {
	from, length := args[1].Int(), int64(maxText)
	if len(args) == 3 {
		length = args[2].Int()
	}
	if from < 1 || length < 0 {
		return null, fmt.Errorf("substr counts characters from 1: found %d and %d", from, length)
	}
	return pipeline.StringValue(cut(args[0].Text(), from-1, length)), nil
}

// cut returns up to n characters of s, without the first skip.
func cut(s string, skip, n int64) string {
	start := len(s)
	for i := range s {
		if skip == 0 {
			start = i
			break
		}
		skip--
	}
	s = s[start:]
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func left(args []pipeline.Value) (pipeline.Value, error) {
	return pipeline.StringValue(cut(args[0].Text(), 0, max(0, args[1].Int()))), nil
}

func right(args []pipeline.Value) (pipeline.Value, error) {
	s := args[0].Text()
	return pipeline.StringValue(cut(s, max(0, int64(utf8.RuneCountInString(s))-max(0, args[1].Int())), maxText)), nil
}

// lpad puts characters before a text until it has so many.
func lpad(args []pipeline.Value) (pipeline.Value, error) {
	s, fill := args[0].Text(), " "
	if len(args) == 3 {
		fill = args[2].Text()
	}
	missing := args[1].Int() - int64(utf8.RuneCountInString(s))
	switch {
	case missing <= 0 || fill == "":
		return args[0], nil
	case missing > maxText:
		return null, errTooLong
	}
	return text(cut(strings.Repeat(fill, int(missing)/utf8.RuneCountInString(fill)+1), 0, missing) + s)
}

func replace(args []pipeline.Value) (pipeline.Value, error) {
	s, old, by := args[0].Text(), args[1].Text(), args[2].Text()
	if old == "" {
		return args[0], nil
	}
	if strings.Count(s, old)*len(by) > maxText {
		return null, errTooLong
	}
	return text(strings.ReplaceAll(s, old, by))
}

// splitPart returns the n-th part of a text between separators, counted from 1, or from the end if n is negative.
func splitPart(args []pipeline.Value) (pipeline.Value, error) {
	if len(args[0].Text()) > maxText {
		return null, errTooLongFor
	}
	parts, n := []string{args[0].Text()}, args[2].Int()
	if sep := args[1].Text(); sep != "" {
		parts = strings.Split(args[0].Text(), sep)
	}
	if n < 0 {
		n += int64(len(parts)) + 1
	}
	switch {
	case args[2].Int() == 0:
		return null, fmt.Errorf("split_part counts parts from 1, or from -1 at the end: found 0")
	case n < 1 || n > int64(len(parts)):
		return pipeline.StringValue(""), nil
	}
	return pipeline.StringValue(parts[n-1]), nil
}

// prepareReplace compiles the pattern of regexp_replace.
func prepareReplace(args []node) (func([]pipeline.Value) (pipeline.Value, error), error) {
	pattern, err := constantPattern(args[1])
	if err != nil {
		return nil, err
	}
	return func(args []pipeline.Value) (pipeline.Value, error) {
		s, by := args[0].Text(), args[2].Text()
		if len(s) > maxText {
			return null, errTooLongFor
		}
		if growth := (len(s) + 1) * len(by); growth > 16*maxText && len(pattern.FindAllStringIndex(s, -1))*len(by) > maxText {
			return null, errTooLong
		}
		// Each $ stands for a part of a match, and all matches together are no longer than s.
		if strings.Count(by, "$")*len(s) > 16*maxText {
			return null, errTooLong
		}
		return text(pattern.ReplaceAllString(s, by))
	}, nil
}

// prepareExtract compiles the pattern of regexp_extract: its first group, or all of it; null where it doesn't match.
func prepareExtract(args []node) (func([]pipeline.Value) (pipeline.Value, error), error) {
	pattern, err := constantPattern(args[1])
	if err != nil {
		return nil, err
	}
	return func(args []pipeline.Value) (pipeline.Value, error) {
		if len(args[0].Text()) > maxText {
			return null, errTooLongFor
		}
		m := pattern.FindStringSubmatch(args[0].Text())
		if m == nil {
			return null, nil
		}
		return pipeline.StringValue(m[min(1, len(m)-1)]), nil
	}, nil
}

// digest returns the SHA-256 of a text in hexadecimal digits.
func digest(args []pipeline.Value) (pipeline.Value, error) {
	sum := sha256.Sum256([]byte(args[0].Text()))
	return pipeline.StringValue(hex.EncodeToString(sum[:])), nil
}

// quote returns a value for a message.
func quote(v pipeline.Value) string { return pipeline.Quote(v.String()) }
