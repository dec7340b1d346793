package storagetest

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// epoch is where the suite's time begins. It has microseconds: stores keep
// them.
var epoch = time.Date(2026, time.March, 4, 5, 6, 7, 890_123_000, time.UTC)

func at(d time.Duration) time.Time { return epoch.Add(d) }

// awkward is text that quoting, escaping, collations and narrow character
// sets get wrong.
const awkward = `O'Brien said "5% _off_"; -- \n \\ <b>&amp; $1 ? {} žluťoučký 付款 🧧` + "\t\r\n"

// payment returns a plain payment, newer than those returned before.
func (c *checker) payment() *payments.Payment {
	*c.made++
	created := at(time.Duration(*c.made) * time.Second)
	return &payments.Payment{
		Order: payments.Order{
			ID: payments.NewID(), User: payments.EndUser{ID: "siti"}, Amount: payments.IDR(29_000),
			CreatedAt: created, ExpiresAt: created.Add(24 * time.Hour),
		},
		Status: payments.StatusCreated,
		Totals: payments.Totals{Status: payments.StatusCreated},
	}
}

// fullPayment returns a payment with something in every field.
func (c *checker) fullPayment() *payments.Payment {
	p := c.payment()
	facts := func(kind payments.FactKind) payments.Facts {
		return payments.Facts{
			{Kind: kind, Key: "k", ID: "i", Amount: payments.IDR(math.MaxInt64), Text: awkward, By: "ops", At: at(0), GatewayAt: at(time.Hour)},
			{Kind: payments.FactWord, Text: "settlement", At: at(time.Microsecond)},
		}
	}
	p.Order = payments.Order{
		ID: p.ID, Reference: "INV/" + awkward,
		User: payments.EndUser{ID: "user-" + awkward, Tenant: "shop-é", Name: awkward, Email: "siti@example.com", Phone: "+62811"},
		Plan: &payments.Plan{
			ID: "pro-monthly", Key: "pro", DisplayName: "Pro 🚀", Price: payments.IDR(29_000),
			Period:  payments.Period{Years: 1, Months: 2, Days: 3},
			Renewal: &payments.Renewal{Lead: time.Hour, Grace: 2 * time.Hour, Reminders: []time.Duration{-time.Hour, 0}},
		},
		Lines: []payments.Line{
			{Item: payments.Item{ID: "mug", Name: awkward, Price: payments.Money{Amount: 1050, Currency: "USD"}}, Quantity: 3},
			{Item: payments.Item{ID: "cup", Name: "Cup", Price: payments.IDR(1)}, Quantity: 1},
		},
		Amount:   payments.IDR(9_007_199_254_740_993), // no float64 holds it
		LinkID:   "link-1",
		Renews:   &payments.Renews{PaymentID: "p0", EndsAt: at(time.Hour), Subscription: "s1"},
		Metadata: map[string]string{"": "empty key", awkward: awkward, "Case": "1", "case": "2"},
		// Far off, and before 1970.
		CreatedAt: p.CreatedAt, ExpiresAt: time.Date(1969, time.July, 20, 20, 17, 40, 1000, time.UTC),
	}
	p.Status, p.Cause = payments.StatusReview, "conflict"
	p.Totals = payments.Totals{
		Status: payments.StatusReview, In: payments.IDR(5), Refunded: payments.IDR(7), ChargedBack: payments.IDR(5),
		Net: payments.IDR(math.MinInt64), Live: payments.IDR(-2),
	}
	p.Disputed, p.Attention, p.Notes = true, true, []string{awkward, "", "second"}
	p.Facts = facts(payments.FactOpened)
	p.Sessions = []payments.Session{{
		Gateway: "snap", Ref: "R-1", Method: "bank_transfer/bca", TriedAt: at(2 * time.Microsecond), Tries: 2,
		OpenedAt: at(3 * time.Microsecond), Token: "tok", RedirectURL: "https://pay.example/x?a=1&b=<2>", TransactionID: "T-1", Refused: awkward,
		Instructions: &payments.Instructions{
			Kind: payments.KindVirtualAccount, Method: "bank_transfer/bca", Bank: "bca", VANumber: "8127", BillerCode: "70012", BillKey: "99",
			QR: awkward, QRImageURL: "https://q", Deeplink: "gojek://d", RedirectURL: "https://r", Phone: "+62", Store: "indomaret", Code: "25",
			Amount: payments.IDR(29_000), ExpiresAt: at(time.Minute),
		},
		Closed: true, GivenUp: true, Reason: "rule 2", Cost: payments.IDR(700), Extra: json.RawMessage(`{"vat": 9007199254740993, "<tag>": ["é", null]}`),
	}, {Gateway: "snap", Ref: "R-2", TriedAt: at(0)}}
	p.Attempts = []payments.Attempt{
		{Gateway: "snap", TransactionID: "T-1", Ref: "R-1", Facts: facts(payments.FactPaid), ExpiresAt: at(time.Minute)},
		{Gateway: "snap", TransactionID: "T-2", Ref: "R-1", Facts: facts(payments.FactDenied), ExpiresAt: at(time.Minute)},
	}
	p.Told, p.LastSeq = []string{"in/T-1", awkward}, 7
	p.Key, p.Fingerprint, p.ReturnURL = "key-"+awkward, "abc", "https://shop.example/?x="+awkward
	p.Watch = payments.Watch{ChangedAt: at(4 * time.Hour), Doubts: []payments.Doubt{{
		Gateway: "snap", Ref: "R-1", TransactionID: "T-1", Word: "refund", Since: at(5 * time.Hour),
		Facts: facts(payments.FactRefunded), Contradicted: true,
	}}}
	p.LinkUse = 3
	p.Renewal = payments.RenewalState{Stopped: true, Next: "p2", Closed: 1, Subscription: "s2", TriedAt: at(time.Minute), Reminded: 2, Unwanted: true}
	p.WakeAt = at(6 * time.Hour)
	p.Method, p.Extra = "gopay", json.RawMessage(`{"enabled": [true]}`)
	p.Version = 41
	return p
}

// fullEvent returns an event with something in every field that is kept.
func fullEvent(payment payments.ID, seq int) payments.Event {
	return payments.Event{
		ID: payments.EventID(payment, seq), PaymentID: payment, Kind: payments.EventSettled, Version: 2, Seq: seq,
		At: at(time.Duration(seq) * time.Microsecond), Data: json.RawMessage(`{"amount": 9007199254740993, "who": "O'Brien <é🧧>", "list": [1, null, {}]}`),
	}
}

// fullMessage returns a message with something in every field, newer than
// those returned before.
func (c *checker) fullMessage() payments.Message {
	*c.made++
	raw := make([]byte, 100_000) // beyond what small column types take; any byte may occur
	for i := range raw {
		raw[i] = byte(i)
	}
	return payments.Message{
		ID: payments.NewID(), PaymentID: payments.NewID(), Gateway: "snap", Op: "notification", Ref: "R-" + awkward,
		Raw: raw, Verdict: payments.VerdictParked, Note: awkward, At: at(time.Duration(*c.made) * time.Second),
	}
}

// fullClaim returns a claim with something in every field.
func fullClaim(u payments.EndUser, plan string) payments.Claim {
	return payments.Claim{
		Tenant: u.Tenant, UserID: u.ID, PlanKey: plan, Start: at(time.Minute), End: at(time.Hour),
		Grants: []payments.Grant{
			{PaymentID: payments.NewID(), Period: payments.Period{Years: 1, Months: 2, Days: 3}, Anchor: at(0), Live: true, Grace: time.Minute, Start: at(time.Minute), End: at(time.Hour)},
			{PaymentID: payments.NewID(), Period: payments.Lifetime, Anchor: at(time.Microsecond)},
		},
		ToldEnd: at(2 * time.Hour), Waker: payments.NewID(), Grace: time.Second,
	}
}

// longUser is as long as a user may be.
func longUser() payments.EndUser {
	return payments.EndUser{ID: strings.Repeat("🧧", 128), Tenant: strings.Repeat("é", 64)}
}
