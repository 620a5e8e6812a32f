package torture

import "testing"

// failpointEnv returns the environment that arms a launch's failpoints.
func failpointEnv(l launch) []string {
	return nil
}

func killAt(point string, hit int) string { return "" }

func passedPoints(t testing.TB, log string) map[string]int { return map[string]int{} }
