package races

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// race is one kind of race.
type race struct {
	name string
	// ends are all the ways in which it may end.
	ends []string
	// run lets it happen once, with payments of its own, and says how it
	// ended. What is wrong, whatever the end, it tells the round.
	run func(*round) string
	// unsure: calls of the racers may fail, at random, after they have taken
	// effect or before.
	unsure bool
}

var all = []race{
	{name: "64 copies of one settlement (16 when dealt)", run: copies, ends: []string{
		"settled once, asked once", "settled once, asked more often"}},
	{name: "notification, look-ups, payer who comes back", run: lookUps, ends: []string{
		"settled once, told by the notification", "settled once, known by then"}},
	{name: "settlement and refund notified at once", run: refundNotified, ends: []string{
		"settled, then refunded"}},
	{name: "refund and settlement", run: refundAndSettlement, ends: []string{
		"refunded at once", "refused, as nothing was paid yet"}},
	{name: "two refunds, together more than was paid", run: twoRefunds, ends: []string{
		"the first was paid", "the second was paid"}},
	{name: "refund here and in the dashboard", run: dashboardRefund, ends: []string{
		"ours was paid", "the dashboard's was paid"}},
	{name: "8 refunds under one key", run: oneRefundKey, ends: []string{"one refund, all succeed"}},
	{name: "two refunds under one key that differ", run: reusedRefundKey, ends: []string{
		"the first was paid, the other refused", "the second was paid, the other refused"}},
	{name: "8 checkouts under one key", run: oneCheckoutKey, ends: []string{
		"one order, all get it", "one order, some are told to ask again"}},
	{name: "two checkouts under one key that differ", run: reusedCheckoutKey, ends: []string{
		"the plan was bought, the other 422", "the mug was bought, the other 422"}},
	{name: "8 times the free plan", run: freePlan, ends: []string{"granted once"}},
	{name: "sweeper and a late payment", run: sweeperAndLatePayment, ends: []string{
		"settled, never expired", "expired, then settled"}},
	{name: "sweeper and a payer on the page", run: sweeperAndPayer, ends: []string{
		"settled, never expired", "expired, payer turned away"}},
	{name: "two cancellations and a payment", run: cancelAndPayment, ends: []string{
		"paid, cancellation refused", "canceled, payer turned away"}},
	{name: "redelivery, dismissal and dispatchers", run: redeliverAndDismiss, ends: []string{
		"delivered, dismissal refused", "dismissed, redelivery refused"}},
	{name: "4 dispatchers", run: dispatchers, ends: []string{
		"each event once and in order, by one", "each event once and in order, shared"}},
	{name: "dispatchers that run while notifications come", run: runningDispatchers, ends: []string{
		"each event once and in order, by one", "each event once and in order, shared"}},
	{name: "a hook and the end of its lease", run: leaseRunsOut, ends: []string{
		"done in time", "taken over, done once more"}},
	{name: "payments of one user for one plan", run: claims, ends: []string{
		"the timeline is that of one by one"}},
	{name: "history of claims, by porcupine", run: claimHistory, unsure: true, ends: []string{linearizable}},
	{name: "history of refunds, by porcupine", run: refundHistory, unsure: true, ends: []string{linearizable}},
}

// repetitions on a store. LUNAS_RACES multiplies them.
func repetitions(t *testing.T, store string) int {
	t.Helper()
	n := map[string]int{"memory": 12, "sqlite": 2}[store] // SQLite is slow under the race detector
	if n == 0 {
		n = 3
	}
	if raw := os.Getenv("LUNAS_RACES"); raw != "" {
		times, err := strconv.Atoi(raw)
		require.NoError(t, err, "LUNAS_RACES")
		n *= times
	}
	return n
}

// Every race ends as it may, whoever comes first.
func TestEveryRaceEndsAsItMay(t *testing.T) {
	s := newSheet()
	t.Run("of", func(t *testing.T) {
		for _, where := range sites() {
			for _, race := range all {
				t.Run(fmt.Sprintf("%s/%d/%s", where.store, where.processes, race.name), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, where, nil)
					for n := range repetitions(t, where.store) {
						r := w.round(t, n%2 == 1, race.unsure)
						end := race.run(r)
						s.add(race, where, end, r.close(race, end))
					}
				})
			}
		}
	})
	fmt.Println(s.markdown())
}
