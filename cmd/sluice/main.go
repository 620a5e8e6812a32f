// Command sluice streams rows from Postgres, Parquet or CSV into HubSpot, as pipelines.yaml says.
package main

import (
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the account's time zone must be known in a container that holds nothing but this program
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr, os.LookupEnv, signals))
}
