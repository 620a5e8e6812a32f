// Command hubspotsim is a HubSpot portal on this machine. See hubspotsim -h for its flags.
package main

import (
	"os"

	"sluice/sinks/hubspot/hubspottest"
)

func main() { os.Exit(hubspottest.Main(os.Args[1:], os.Stdout, os.Stderr)) }
