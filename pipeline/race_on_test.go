//go:build race

package pipeline_test

// seedsPlayed is how many seeds TestSimulation plays if it isn't told. With the race detector they take longer, and
// in these every rare state is met several times.
const seedsPlayed = 1000
