package pipeline_test

import (
	"strings"
	"testing"

	"sluice/pipeline"
)

// TestQuote proves that a text is shown whole up to 80 characters, however many bytes they have, and cut beyond.
func TestQuote(t *testing.T) {
	eighty, longer := strings.Repeat("é", 80), strings.Repeat("é", 81)
	for text, want := range map[string]string{
		"":                            `""`,
		"a \"b\"\n\x1b[31m":           `"a \"b\"\n\x1b[31m"`,
		"\xff\x00":                    `"\xff\x00"`,
		eighty:                        `"` + eighty + `"`,
		longer:                        `"` + eighty[:2*79] + `"…`,
		longer + "\xff":               `"` + eighty[:2*79] + `"…`,
		strings.Repeat("x", 80) + "y": `"` + strings.Repeat("x", 79) + `"…`,
	} {
		if got := pipeline.Quote(text); got != want {
			t.Errorf("Quote(%q) = %s, want %s", text, got, want)
		}
	}
}

// TestOneLine proves that lines that repeat the one before them are said once, and others each time.
func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "down": "down", "tries:\n\tdown\n\tdown": "tries: down", "no TLS\ndown\nno TLS": "no TLS; down; no TLS",
	} {
		if got := pipeline.OneLine(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
