package payments

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestObservationsAreClosed(t *testing.T) {
	t.Parallel()
	paid := Fact{Kind: FactPaid, Amount: IDR(ordered)}
	for _, c := range []struct {
		told news
		want []Fact
	}{
		{word("A1", "", FactPaid), []Fact{paid}},
		{word("A1", "", FactFunds), []Fact{{Kind: FactFunds}, paid}},
		{word("A1", "", FactCaptured), []Fact{{Kind: FactCaptured}, paid}},
		{word("A1", "", FactRefunded), []Fact{{Kind: FactFunds}, paid, {Kind: FactRefunded}}},
		{word("A1", "", FactPartlyRefunded), []Fact{{Kind: FactFunds}, paid, {Kind: FactPartlyRefunded}}},
		{word("A1", "", FactChargeback), []Fact{{Kind: FactChargeback}, {Kind: FactFunds}, paid}},
		{word("A1", "", FactPartialChargeback), []Fact{{Kind: FactFunds}, paid, {Kind: FactPartialChargeback}}},
		// Nothing else is money.
		{word("A1", "", FactCaptureChallenged), []Fact{{Kind: FactCaptureChallenged}}},
		{word("A1", "", FactAuthorized), []Fact{{Kind: FactAuthorized}}},
		{word("A1", "", FactRefundTotal), []Fact{{Kind: FactRefundTotal}}},
		// An amount of its own is that of the money; being captured has none.
		{
			word("A1", "").with(Fact{Kind: FactCaptured, Amount: IDR(60_000)}),
			[]Fact{{Kind: FactCaptured}, {Kind: FactPaid, Amount: IDR(60_000)}},
		},
		{
			word("A1", "").with(Fact{Kind: FactPaid, Amount: IDR(60_000)}, Fact{Kind: FactFunds}),
			[]Fact{{Kind: FactFunds}, {Kind: FactPaid, Amount: IDR(60_000)}},
		},
		{
			word("A1", "settlement", FactPending).via("gopay", false),
			[]Fact{{Kind: FactMethod, Text: "gopay"}, {Kind: FactPending}, {Kind: FactWord, Text: "settlement"}},
		},
		{word("A1", "on_hold"), []Fact{{Kind: FactWord, Text: "on_hold"}}},
	} {
		var got []Fact
		for _, f := range c.told.told.facts(firstNews) {
			require.Equal(t, firstNews, f.At)
			got = append(got, f.identity())
		}
		require.Equal(t, c.want, got, "%s", c.told)
	}
}

func TestFactsKeepTheEarliestTimes(t *testing.T) {
	t.Parallel()
	late, early := firstNews.Add(time.Hour), firstNews
	fact := func(at, gatewayAt time.Time) Fact { return Fact{Kind: FactPending, At: at, GatewayAt: gatewayAt} }
	for _, c := range []struct {
		name    string
		a, b    Fact
		at, gat time.Time
	}{
		{"each by itself", fact(late, early), fact(early, late), early, early},
		{"unset loses", fact(early, time.Time{}), fact(early, late), early, late},
		{"unset loses the other way", fact(time.Time{}, late), fact(late, time.Time{}), late, late},
	} {
		got := Facts(nil).join(c.a).join(c.b)
		require.Len(t, got, 1, c.name)
		require.Equal(t, c.at, got[0].At, c.name)
		require.Equal(t, c.gat, got[0].GatewayAt, c.name)
	}
}

func TestTimesAreKeptAsStoresKeepThem(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 5, 10, 0, 0, 123_456_789, jakarta)
	o := settle("A1").told
	o.GatewayAt = at
	for _, f := range o.facts(at) {
		require.Equal(t, time.Date(2026, 1, 5, 3, 0, 0, 123_456_000, time.UTC), f.At)
		require.Equal(t, f.At, f.GatewayAt)
	}
}

// A refund carries its own time, the message that lists it another.
func TestAFactsOwnTimeStands(t *testing.T) {
	t.Parallel()
	o := settle("A1").told
	o.GatewayAt = firstNews
	o.Facts = append(o.Facts, Fact{Kind: FactRefund, ID: "1", GatewayAt: firstNews.Add(time.Hour)})
	for _, f := range o.facts(firstNews) {
		want := firstNews
		if f.Kind == FactRefund {
			want = firstNews.Add(time.Hour)
		}
		require.Equal(t, want, f.GatewayAt, "%s", f.Kind)
	}
}

func TestFactsSurviveJSON(t *testing.T) {
	t.Parallel()
	h := play(t, settle("A1").via("qris", false), request("A1", "r1", 30_000), done("A1", "r1"), manual("A1", "m1", 5_000))
	data, err := json.Marshal(h.p)
	require.NoError(t, err)
	var read Payment
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, h.p, &read)
	require.Equal(t, h.p.look().status, read.look().status)

	// What was read back is the same set: told again, nothing is new.
	s := step{p: &read, at: firstNews}
	s.observe(testGateway, settle("A1").via("qris", false).told)
	require.Empty(t, s.events)
}

func TestAttemptTellsWhatPeopleAsk(t *testing.T) {
	t.Parallel()
	all := timed(
		pending("A1").via("bank_transfer/permata", true), settle("A1").via("bank_transfer/other", false),
		chargeback("A1"),
	)
	late := all[0] // a duplicate that arrives last
	late.at = late.at.Add(time.Hour)
	h := newHistory(testPayment(IDR(ordered)))
	require.NoError(t, h.takeAll(append(all, late)))
	a := h.p.Attempt("", "A1")
	require.Equal(t, Method("bank_transfer/permata"), a.Method(), "the first one seen")
	require.Equal(t, "chargeback", a.RawStatus(), "a late duplicate never wins")
	require.Equal(t, firstNews, a.CreatedAt())
	require.Equal(t, all[1].told.GatewayAt, a.PaidAt(), "the gateway's own time")
	require.Equal(t, "ref-1", a.Ref)

	silent := newHistory(testPayment(IDR(ordered)))
	n := timed(pending("A1"), settle("A1"))[1]
	n.told.GatewayAt = time.Time{}
	require.NoError(t, silent.take(n))
	require.Equal(t, n.at, silent.p.Attempts[0].PaidAt(), "a gateway that tells no time")
	require.Zero(t, Attempt{}.PaidAt())
	require.Nil(t, h.p.Attempt("", "A2"))
	require.Nil(t, h.p.Attempt("other", "A1"))
}

func TestAttemptsExpireAtTheLatestThatWasTold(t *testing.T) {
	t.Parallel()
	early, late := firstNews.Add(time.Hour), firstNews.Add(2*time.Hour)
	s := step{p: testPayment(IDR(ordered)), at: firstNews}
	for _, at := range []time.Time{early, late, {}, early} {
		n := pending("A1")
		n.told.ExpiresAt = at
		s.observe(testGateway, n.told)
	}
	require.Equal(t, late, s.p.Attempts[0].ExpiresAt)
}

func TestFeesAreToldByTheirNames(t *testing.T) {
	t.Parallel()
	a := Attempt{Facts: Facts(nil).join(
		Fact{Kind: FactFee, Amount: IDR(4_400), Text: "fees"}, Fact{Kind: FactFee, Amount: IDR(4_000), Text: "fees"},
		Fact{Kind: FactFee, Amount: IDR(1_000), Text: "customer_imposed_payment_fee"},
	)}
	require.Equal(t, map[string]Money{"fees": IDR(4_400), "customer_imposed_payment_fee": IDR(1_000)}, a.Fees())
	require.Empty(t, Attempt{}.Fees())
}
