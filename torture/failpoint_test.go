package torture

// failpointEnv returns the environment that arms a launch's failpoints.
func failpointEnv(l launch) []string {
	return nil
}
