package payments

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// vector is a sequence of observations in its natural order, the status it
// must end in, whatever the order, and the events of the natural order.
type vector struct {
	no     string
	name   string
	amount Money // ordered; the zero value is IDR 100 000
	news   []news
	status Status
	cause  string
	net    int64
	live   int64
	events []string
}

// vectors are numbered as in the project's specification of states. Those of
// the gate and of claims have tests of their own.
var vectors = []vector{
	{
		no: "1", name: "paid", news: []news{checkout(), pending("A1"), settle("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "pending A1", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "2", name: "pending comes late", news: []news{checkout(), settle("A1"), pending("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "3", name: "card", news: []news{checkout(), capture("A1"), settle("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "4", name: "challenge accepted", news: []news{checkout(), challenge("A1"), capture("A1"), settle("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "challenged A1", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "5", name: "challenge refused", news: []news{checkout(), challenge("A1"), deny("A1"), cancel("A1")},
		status: StatusDenied,
		events: []string{"pending", "challenged A1", "denied A1"},
	},
	{
		no: "6", name: "void", news: []news{checkout(), capture("A1"), cancel("A1")},
		status: StatusCanceled, cause: "void",
		events: []string{"pending", "settled A1 100000", "refunded A1 100000 of 100000 full void"},
	},
	{
		no: "7", name: "settled after expiry", news: []news{checkout(), pending("A1"), expire("A1"), lapsed(), settle("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "pending A1", "expired A1", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "8", name: "denied card, then paid", news: []news{checkout(), deny("A1"), pending("A2"), settle("A2")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "denied A1", "pending A2", "settled A2 100000", "funds_available A2"},
	},
	{
		no: "9", name: "paid twice", news: []news{checkout(), pending("A1"), pending("A2"), settle("A1"), settle("A2")},
		status: StatusSettled, net: 200_000, live: 200_000,
		events: []string{
			"pending", "pending A1", "pending A2", "settled A1 100000", "funds_available A1", "overpaid A2 100000", "funds_available A2",
		},
	},
	{
		no: "10", name: "paid twice, one refunded",
		news:   []news{settle("A1"), settle("A2"), refunded("A2", total(100_000))},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{
			"settled A1 100000", "funds_available A1", "overpaid A2 100000", "funds_available A2",
			"refunded A2 100000 of 100000 full refund",
		},
	},
	{
		no: "11", name: "refunded in two parts",
		news: []news{
			settle("A1"), partlyRefunded("A1", entry("r1", "", 30_000), total(30_000)),
			refunded("A1", entry("r1", "", 30_000), entry("r2", "", 70_000), total(100_000)),
		},
		status: StatusRefunded,
		events: []string{
			"settled A1 100000", "funds_available A1",
			"refunded A1 30000 of 30000 partial refund", "refunded A1 70000 of 100000 full refund",
		},
	},
	{
		no: "12", name: "refund whose amount is learned later",
		news:   []news{settle("A1"), partlyRefunded("A1"), partlyRefunded("A1", entry("r1", "", 30_000))},
		status: StatusPartiallyRefunded, net: 70_000, live: 70_000,
		events: []string{"settled A1 100000", "funds_available A1", "refunded A1 30000 of 30000 partial refund"},
	},
	{
		no: "13", name: "settlement lost", news: []news{checkout(), pending("A1"), refunded("A1")},
		status: StatusRefunded,
		events: []string{
			"pending", "pending A1", "settled A1 100000", "funds_available A1", "refunded A1 100000 of 100000 full refund",
		},
	},
	{
		no: "14", name: "our refund fails, then succeeds",
		news: []news{
			settle("A1"), request("A1", "r1", 30_000), failed("A1", "r1"), done("A1", "r1"),
			partlyRefunded("A1", entry("r1", "", 30_000)),
		},
		status: StatusPartiallyRefunded, net: 70_000, live: 70_000,
		events: []string{
			"settled A1 100000", "funds_available A1", "refund_failed r1 30000",
			"refunded A1 30000 of 30000 partial refund", "refund_succeeded r1 30000",
		},
	},
	{
		no: "15", name: "charged back after the refund", news: []news{settle("A1"), refunded("A1"), chargeback("A1")},
		status: StatusChargedBack, net: -100_000,
		events: []string{
			"settled A1 100000", "funds_available A1", "refunded A1 100000 of 100000 full refund", "charged_back A1 full 100000",
		},
	},
	{
		no: "16", name: "chargeback in two steps",
		news: []news{
			settle("A1"), partialChargeback("A1").with(Fact{Kind: FactChargebackAmount, Amount: IDR(40_000)}), chargeback("A1"),
		},
		status: StatusChargedBack,
		events: []string{
			"settled A1 100000", "funds_available A1", "charged_back A1 partial 40000", "charged_back A1 full 100000",
		},
	},
	{
		no: "17", name: "bank reversal, then paid again",
		news: []news{
			settle("A1").via("bank_transfer/permata", true), deny("A1").via("bank_transfer/permata", true),
			pending("A2"), settle("A2"),
		},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{
			"settled A1 100000", "funds_available A1", "refunded A1 100000 of 100000 full reversal",
			"pending A2", "settled A2 100000", "funds_available A2",
		},
	},
	{
		no: "18", name: "denied although paid",
		news:   []news{settle("A1").via("qris", false), deny("A1").via("qris", false)},
		status: StatusReview, cause: "conflict", net: 100_000, live: 100_000,
		events: []string{"settled A1 100000", "funds_available A1", "review A1 conflict 100000"},
	},
	{
		no: "19", name: "wrong amount, accepted",
		news:   []news{checkout(), settle("A1").of(IDR(90_000)), decide("A1", FactAccepted)},
		status: StatusSettled, net: 90_000, live: 90_000,
		events: []string{"pending", "review A1 amount 90000", "funds_available A1", "settled A1 90000"},
	},
	{
		no: "20", name: "wrong amount, handed back",
		news:   []news{checkout(), settle("A1").of(IDR(90_000)), manual("A1", "m1", 90_000)},
		status: StatusRefunded,
		events: []string{
			"pending", "review A1 amount 90000", "funds_available A1", "refunded A1 90000 of 90000 full manual",
		},
	},
	{
		no: "21", name: "wrong currency",
		news:   []news{checkout(), settle("A1").of(Money{Amount: ordered, Currency: "USD"})},
		status: StatusReview, cause: "amount", net: 100_000,
		events: []string{"pending", "review A1 amount 100000", "funds_available A1"},
	},
	{
		no: "22", name: "completed before paid",
		news: []news{
			checkout(), pending("C1"), word("C1", "completed", FactPaid, FactFunds), word("C1", "paid", FactPaid),
		},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending", "pending C1", "settled C1 100000", "funds_available C1"},
	},
	{
		no: "23", name: "an expired one is paid after all",
		news: []news{
			pending("C1"), word("C1", "expired", FactExpired), pending("C2"),
			word("C2", "paid", FactPaid), word("C1", "paid", FactPaid),
		},
		status: StatusSettled, net: 200_000, live: 200_000,
		events: []string{"pending C1", "expired C1", "pending C2", "settled C2 100000", "overpaid C1 100000"},
	},
	{
		no: "24", name: "part of a reservation captured",
		news:   []news{authorize("A1"), askCapture("A1", 60_000), capture("A1").of(IDR(60_000))},
		status: StatusSettled, net: 60_000, live: 60_000,
		events: []string{"authorized A1", "settled A1 60000"},
	},
	{
		no: "25", name: "reservation expires", news: []news{authorize("A1"), expire("A1")},
		status: StatusExpired,
		events: []string{"authorized A1", "expired A1"},
	},
	{
		no: "26", name: "notice before the answer", news: []news{pending("A1"), checkout(), settle("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending A1", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "27", name: "nobody pays", news: []news{checkout(), lapsed()},
		status: StatusExpired,
		events: []string{"pending", "expired"},
	},
	{
		no: "28", name: "free", amount: IDR(0), news: []news{free()},
		status: StatusSettled, cause: "free",
		events: []string{"settled 0"},
	},
	{
		no: "29", name: "void, then paid again", news: []news{capture("A1"), cancel("A1"), pending("A2"), settle("A2")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{
			"settled A1 100000", "refunded A1 100000 of 100000 full void",
			"pending A2", "settled A2 100000", "funds_available A2",
		},
	},
	{
		no: "30", name: "cancel loses the race", news: []news{pending("A1"), cancel("A1"), settle("A1")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{"pending A1", "canceled A1", "settled A1 100000", "funds_available A1"},
	},
	{
		no: "31", name: "fee on top, learned later", news: []news{settle("A1").of(IDR(104_000)), settle("A1")},
		status: StatusSettled, net: 104_000, live: 104_000,
		events: []string{"review A1 amount 104000", "funds_available A1", "settled A1 104000"},
	},
	{
		no: "32", name: "dispute won", news: []news{settle("A1"), chargeback("A1"), decide("A1", FactDisputeWon)},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{
			"settled A1 100000", "funds_available A1", "charged_back A1 full 100000", "chargeback_reversed A1 100000",
		},
	},
	{
		no: "33", name: "a refund gets its key later",
		news: []news{
			settle("A1"), partlyRefunded("A1", entry("", "1", 30_000)), partlyRefunded("A1", entry("r1", "1", 30_000)),
		},
		status: StatusPartiallyRefunded, net: 70_000, live: 70_000,
		events: []string{"settled A1 100000", "funds_available A1", "refunded A1 30000 of 30000 partial refund"},
	},
	{
		no: "51", name: "partial chargeback of unknown size", news: []news{settle("A1"), partialChargeback("A1")},
		status: StatusChargedBack, net: 100_000, live: 100_000,
		events: []string{"settled A1 100000", "funds_available A1", "charged_back A1 partial 0"},
	},
	{
		no: "52", name: "void learned at once, then paid again",
		news:   []news{word("A1", "cancel", FactCaptured, FactCanceled), settle("A2")},
		status: StatusSettled, net: 100_000, live: 100_000,
		events: []string{
			"settled A1 100000", "refunded A1 100000 of 100000 full void", "settled A2 100000", "funds_available A2",
		},
	},
	{
		no: "53", name: "denied, then nobody pays", news: []news{checkout(), deny("A1"), lapsed()},
		status: StatusExpired,
		events: []string{"pending", "denied A1", "expired"},
	},
	{
		no: "54", name: "lapsed, void, then nothing",
		news:   []news{checkout(), lapsed(), capture("A1"), cancel("A1"), pending("A2"), expire("A2")},
		status: StatusCanceled, cause: "void",
		events: []string{
			"pending", "expired", "settled A1 100000", "refunded A1 100000 of 100000 full void", "pending A2", "canceled A1 void",
		},
	},
}

func (v vector) payment() *Payment {
	if v.amount == (Money{}) {
		return testPayment(IDR(ordered))
	}
	return testPayment(v.amount)
}

// run takes the observations in the order given and returns the outcome.
func (v vector) run(t *testing.T, order []news) outcome {
	t.Helper()
	h := newHistory(v.payment())
	if err := h.takeAll(order); err != nil {
		require.NoError(t, err, "order: %v\nevents: %v", order, briefs(h.events))
	}
	return outcomeOf(h.p)
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		t.Run(fmt.Sprintf("%s %s", v.no, v.name), func(t *testing.T) {
			t.Parallel()
			natural := timed(v.news...)
			h := newHistory(v.payment())
			require.NoError(t, h.takeAll(natural))
			require.Equal(t, v.status, h.p.Status)
			require.Equal(t, v.cause, h.p.Cause)
			require.Equal(t, v.net, h.p.Totals.Net.Amount, "net")
			require.Equal(t, v.live, h.p.Totals.Live.Amount, "live")
			require.Equal(t, v.events, briefs(h.events))
			want := outcomeOf(h.p)

			permutations(natural, func(order []news) {
				requireSame(t, want, v.run(t, order), order)
			})
			twice := slices.Concat(natural, natural)
			if len(natural) < 4 || len(natural) == 4 && !raceDetector { // of four, 2 520 orders
				arrangements(natural, 2, func(order []news) {
					requireSame(t, want, v.run(t, order), order)
				})
				return
			}
			random := rand.New(rand.NewPCG(1, uint64(len(v.news))))
			for range 300 {
				random.Shuffle(len(twice), func(i, j int) { twice[i], twice[j] = twice[j], twice[i] })
				requireSame(t, want, v.run(t, twice), twice)
			}
		})
	}
}

// permutations calls visit with every order of all.
func permutations(all []news, visit func([]news)) { arrangements(all, 1, visit) }

// arrangements calls visit with every order of all, each taken so many times.
// Visit must not keep the slice.
func arrangements(all []news, times int, visit func([]news)) {
	left := make([]int, len(all))
	for i := range left {
		left[i] = times
	}
	order := make([]news, 0, len(all)*times)
	var next func()
	next = func() {
		if len(order) == cap(order) {
			visit(order)
			return
		}
		for i, n := range all {
			if left[i] == 0 {
				continue
			}
			left[i]--
			order = append(order, n)
			next()
			order = order[:len(order)-1]
			left[i]++
		}
	}
	next()
}

func TestArrangements(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	count := 0
	arrangements([]news{pending("A1"), settle("A1"), deny("A1"), expire("A1")}, 2, func(order []news) {
		count++
		seen[fmt.Sprint(order)] = true
	})
	require.Equal(t, 2520, count)
	require.Len(t, seen, 2520)
}
