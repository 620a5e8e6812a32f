// Command sluice streams rows from Postgres, Parquet or CSV into HubSpot, as pipelines.yaml says.
package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // the account's time zone must be known in a container that holds nothing but this program
)

func main() {
	forbidCore()
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(200) // a run holds little at a time and makes a lot: half the collections cost a few MiB
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv, signals))
}
