package crm

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestServersAreVerified proves that a request, and with it the token, goes only to a server that proves by TLS 1.2 or
// later who it is. Nothing in Config turns that off.
func TestServersAreVerified(t *testing.T) {
	for _, tc := range []struct {
		name    string
		host    string
		trusted bool
		server  *tls.Config
		want    string // part of the error; "" where the request goes through
		hint    string // part of what the error says that is to be done, where trying again wouldn't help
	}{
		{"as it should be", "127.0.0.1", true, &tls.Config{MaxVersion: tls.VersionTLS12}, "", ""},
		{"a certificate that nobody has signed", "127.0.0.1", false, &tls.Config{}, "signed by unknown authority", "SSL_CERT_FILE"},
		{"another host's certificate", "api.hubapi.com", true, &tls.Config{}, "not api.hubapi.com", "check base_url"},
		{"an expired certificate", "127.0.0.1", true, expiredServer(t), "expired", "clock"},
		{"tls 1.1", "127.0.0.1", true, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "protocol version", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var arrived, dialled atomic.Int64
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				arrived.Add(1)
				answerWith(200, good)(w, r)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point here
			server.TLS = tc.server
			server.StartTLS()
			defer server.Close()
			c := newClient(t, Config{BaseURL: "https://" + tc.host, AccessToken: testToken, Retry: quick,
				Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
					dialled.Add(1)
					return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
				}})
			if c.transport.TLSClientConfig != nil {
				t.Fatal("the client doesn't verify as Go does by default")
			}
			if tc.trusted {
				pool := x509.NewCertPool()
				pool.AddCert(server.Certificate())
				c.transport.TLSClientConfig = &tls.Config{RootCAs: pool}
			}
			_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if tries := dialled.Load(); tc.hint != "" && tries != 1 {
				t.Errorf("%d attempts", tries)
			}
			if e := asError(t, err); !strings.Contains(e.Hint, tc.hint) || e.Effect != NoEffect || !strings.Contains(e.Error(), tc.want) {
				t.Errorf("%v (%v), want %q", err, e.Effect, tc.want)
			}
			if n := arrived.Load(); n != 0 {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

// TestTLSWithAServerThatSpeaksNone proves that a base_url with the wrong scheme is told at once, and not waited for.
func TestTLSWithAServerThatSpeaksNone(t *testing.T) {
	server := httptest.NewServer(answerWith(200, good))
	defer server.Close()
	dialled := 0
	c := newClient(t, Config{BaseURL: strings.Replace(server.URL, "http:", "https:", 1), AccessToken: testToken, Retry: quick,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dialled++
			return new(net.Dialer).DialContext(ctx, network, addr)
		}})
	_, err := c.BatchCreate(t.Context(), "contacts", oneInput)
	if e := asError(t, err); dialled != 1 || !strings.Contains(e.Error(), "should begin with http://") {
		t.Errorf("%d attempts: %v", dialled, err)
	}
}

// expiredServer returns the configuration of a server whose certificate has been valid until an hour ago.
func expiredServer(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
