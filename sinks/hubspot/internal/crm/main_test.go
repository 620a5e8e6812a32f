package crm

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(answererVariable) != "" {
		answerUpserts()
		return
	}
	goleak.VerifyTestMain(m)
}
