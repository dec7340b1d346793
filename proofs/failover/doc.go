// Package failover drives a shop with three accounts at two gateways through
// checkouts that fail in every way, messages that get lost, doubled and late,
// payers who change their minds, and payers who pay twice; and holds the books
// against what the gateways know to be paid.
//
// A failure names its seed: go test -run TestNoOrderIsPaidTwiceUnnoticed -seed 42
package failover
