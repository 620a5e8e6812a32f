package crm

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// answererVariable makes the test program a server that gives every request one answer.
const answererVariable = "SLUICE_TEST_ANSWERER"

// answerUpserts answers every request as HubSpot does the upsert of a sample, until the process is killed. It prints its
// URL first.
func answerUpserts() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("http://%s\n", l.Addr())
	body := sampleAnswer()
	fmt.Fprintln(os.Stderr, http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})))
}
