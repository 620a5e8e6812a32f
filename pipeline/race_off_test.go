//go:build !race

package pipeline_test

// seedsPlayed is how many seeds TestSimulation plays if it isn't told.
const seedsPlayed = 2500
