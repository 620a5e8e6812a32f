package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretIsNotShown proves that no way of printing shows a secret, also within what holds it.
func TestSecretIsNotShown(t *testing.T) {
	const canary = "canary"
	type holder struct {
		Name   string
		Token  Secret
		Tokens []Secret
		ByName map[string]Secret
		Any    any
		Where  *Secret
	}
	secret := Secret(canary)
	h := holder{"n", secret, []Secret{secret}, map[string]Secret{"a": secret}, secret, &secret}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%t"} {
		for _, v := range []any{secret, &secret, h, &h, []any{h}, fmt.Errorf("%w: "+verb, errors.ErrUnsupported, secret)} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("config", "secret", secret, "config", h, "pointer", &h)
	}
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if at := strings.Index(out.String(), form); at >= 0 {
			t.Errorf("the secret is shown: …%s", out.String()[max(0, at-60):at+len(form)])
		}
	}
	if Secret("").String() != "" || string(secret) != canary {
		t.Error("an empty secret isn't empty, or a secret isn't what it was")
	}
}
