package kill

import (
	"cmp"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// chain is a user's right to the plan as it follows from payments.
type chain struct {
	start, end time.Time
	grants     []payments.Grant // that are live, in the order in which they were earned
}

// claims: laid out anew from payments and the gateway's books, they are what is
// stored; and no payment gave a period twice.
func (a *auditor) claims() {
	paid := map[string][]payments.Grant{} // by user
	for id, p := range a.payments {
		if p.Plan == nil {
			continue
		}
		if g, live := a.grant(p); live {
			paid[p.User.ID] = append(paid[p.User.ID], g)
		} else if paid[p.User.ID] == nil {
			paid[p.User.ID] = nil // the user is known
		}
		granted := 0
		for _, e := range a.events[id] {
			switch e.Kind {
			case payments.EventClaimGranted, payments.EventClaimExtended:
				granted++
			case payments.EventClaimRevoked:
				granted--
			}
		}
		_, live := a.grant(p)
		if want := map[bool]int{true: 1}[live]; granted != want {
			a.blame(id, "the plan is paid for: %t, and was granted %d times more often than revoked", live, granted)
		}
	}
	for user, grants := range paid {
		want, stored := lay(grants), a.books.claims[user]
		got := chain{start: stored.Start, end: stored.End}
		for _, g := range stored.Grants {
			if g.Live {
				got.grants = append(got.grants, g)
			}
		}
		slices.SortFunc(got.grants, byAnchor)
		same := got.start.Equal(want.start) && got.end.Equal(want.end) && slices.EqualFunc(got.grants, want.grants, sameGrant)
		if !same {
			a.blame(payments.ID("claim of "+user), "laid out anew it is\n%+v\nstored is\n%+v", want, got)
		}
	}
}

// grant is what the payment gives by the gateway's books: a month, from when
// its first money that is still there came in.
func (a *auditor) grant(p *payments.Payment) (payments.Grant, bool) {
	g := payments.Grant{PaymentID: p.ID, Period: payments.Monthly, Live: true}
	book := a.accounts[p.ID]
	if book.wrong(p) && !accepted(p) {
		return g, false
	}
	for _, t := range book.paid {
		attempt := p.Attempt("", t.ID)
		if attempt == nil || paidIn(t) == wentBack(t) {
			continue
		}
		if off := attempt.PaidAt().Sub(t.PaidAt).Abs(); off > 2*time.Second { // the gateway tells whole seconds
			a.blame(p.ID, "transaction %s was paid at %s, not at %s", t.ID, t.PaidAt, attempt.PaidAt())
		}
		if at := attempt.PaidAt(); g.Anchor.IsZero() || at.Before(g.Anchor) {
			g.Anchor = at
		}
	}
	return g, !g.Anchor.IsZero()
}

// lay puts months one behind the other. Traffic lasts for much less than one,
// so all of a user's are one chain.
func lay(grants []payments.Grant) chain {
	jakarta := time.FixedZone("WIB", 7*60*60)
	slices.SortFunc(grants, byAnchor)
	c := chain{grants: grants}
	for i := range grants {
		if i == 0 {
			c.start, c.end = grants[0].Anchor, grants[0].Anchor
		}
		grants[i].Start = c.end
		c.end = payments.Period{Months: i + 1}.After(c.start, jakarta)
		grants[i].End = c.end
	}
	return c
}

func byAnchor(a, b payments.Grant) int {
	return cmp.Or(a.Anchor.Compare(b.Anchor), cmp.Compare(a.PaymentID, b.PaymentID))
}

func sameGrant(a, b payments.Grant) bool {
	return a.PaymentID == b.PaymentID && a.Period == b.Period && a.Anchor.Equal(b.Anchor) && a.Start.Equal(b.Start) && a.End.Equal(b.End)
}
