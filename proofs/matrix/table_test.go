package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// sites say what happens in the functions that write or call out, in the
// order of a payment's life. The commits of a site are those of its writes.
var sites = []struct{ name, what string }{
	{"recordLanes", "before its first write a process makes the store know its hooks"},
	{"create", "a payment is stored, under the buyer's key"},
	{"the host's transaction", "the host commits its own order, and the payment with it"},
	{"settleFree", "a payment of nothing is settled"},
	{"Attempt", "what is about to be asked of the gateway is written down"},
	{"open", "the gateway is asked for a checkout, or for what has become of it, and its answer recorded"},
	{"healOpening", "a timer is about to ask again for a checkout whose answer was lost"},
	{"markClosed", "a checkout is closed, for another way to pay or for good"},
	{"route", "a notification that changes nothing of weight is merged, or parked"},
	{"judge", "the gateway is asked about a notification, and its answer merged"},
	{"disbelieve", "a notification about which the gateway could not be asked is kept"},
	{"receive", "what is about no payment is kept"},
	{"reject", "the trace of a forged notification is kept"},
	{"ask", "the gateway is asked about a payment, by a timer or for a payer who is back"},
	{"forget", "an attempt that the gateway knows nothing of is dropped"},
	{"RefundOverpaid", "what is paid twice cannot be sent back by itself: a person is told"},
	{"Refund", "the wish to send money back is written down"},
	{"sendRefund", "the gateway is asked to send money back, and its answer recorded"},
	{"RecordRefund", "money that was handed back by hand is recorded"},
	{"Resolve", "an operator's decision is recorded"},
	{"cancelAttempt", "the gateway is asked to cancel"},
	{"expireAttempt", "the gateway is asked to let an attempt expire"},
	{"decide", "the wish to capture is written down"},
	{"Approve", "the gateway is asked to approve"},
	{"Deny", "the gateway is asked to deny"},
	{"Capture", "the gateway is asked to capture"},
	{"CreateLink", "a payment link is stored, the gateway asked for it, and its answer recorded"},
	{"byLink", "a payment by a link is stored, when the gateway tells of it"},
	{"countUse", "a payment by a link is counted"},
	{"closeLink", "the gateway is asked to close a link"},
	{"DeleteLink", "that a link is closed is recorded"},
	{"renew", "that the next period of a plan is seen to is written down"},
	{"followedBy", "the invoice of the next period is written into the payment before it"},
	{"remind", "that an invoice is still to be paid, and a reminder told; or that it is not wanted"},
	{"insteadOf", "an invoice gives way to a subscription"},
	{"stop", "the wish that a plan ends is written down"},
	{"ResumeRenewal", "that it goes on, after all"},
	{"newSubscription", "a subscription is stored, before the gateway is asked for it"},
	{"charges", "whether the gateway charges for the next period is written into the payment"},
	{"Subscribe", "the gateway is asked for a subscription, and its answer recorded"},
	{"lose", "a subscription whose gateway never answered is given up"},
	{"askSubscription", "the gateway is asked what has become of a subscription"},
	{"cancelUnwanted", "a subscription that nobody wants is canceled"},
	{"charged", "the gateway is asked about a charge, which becomes a payment"},
	{"chargeFailed", "a charge that came to nothing is told"},
	{"endSubscription", "that the gateway has given up is recorded"},
	{"recurring", "a message about a subscription is kept"},
	{"PauseSubscription", "the gateway is asked to pause its charges"},
	{"ResumeSubscription", "the gateway is asked to go on with them"},
	{"UpdateSubscription", "the gateway is given another card"},
	{"CancelSubscription", "the gateway is asked to end its charges"},
	{"end", "the payment is canceled, or ended before its time"},
	{"wakeDue", "payments whose timers are due are leased"},
	{"wake", "what a timer has found is written, and when it is to wake next; a claim's end is told"},
	{"sweep", "a payment that nobody has paid in time lapses"},
	{"dispatcher.lease", "deliveries to hooks are leased"},
	{"plain hook", "a hook has its effect, which the store knows nothing of"},
	{"the host's write", "a plain hook commits its effect"},
	{"finisher.write", "between a plain hook and its acknowledgement, and how it failed"},
	{"transactional hook", "a hook writes in the transaction that ends its delivery"},
	{"dispatcher.call", "a transactional hook's effect and the end of its delivery are committed"},
	{"release", "a dead delivery is put back, or dismissed"},
	{"beat", "a running process says that it has its hooks"},
	{"RetireLane", "a hook that nobody has any more is retired"},
	{"clean", "deliveries and messages that are old are deleted"},
	{migrate, "each statement of the schema's migration, from an empty database"},
}

const migrate = "Migrate"

// site is what a point belongs to, and moment the rest of its name.
func site(point string) (name, moment string) {
	name, moment, _ = strings.Cut(point, ": ")
	name, _, _ = strings.Cut(name, " > ")
	return name, moment
}

// storeOf is the function of the store by which a point's commit comes about.
func storeOf(point string) string {
	name, _, _ := strings.Cut(point, ": ")
	_, name, _ = strings.Cut(name, " > ")
	return name
}

// cell is what came of killing at the points of a site, on one database.
type cell struct{ kills, lost, doubled int }

func (c cell) String() string {
	if c.kills == 0 {
		return "–"
	}
	return fmt.Sprintf("%d / %d / %d", c.kills, c.lost, c.doubled)
}

// table is the matrix in Markdown.
func table(dialects []string, results []result) string {
	var b strings.Builder
	b.WriteString("| where | what happens there | killed |")
	for _, d := range dialects {
		b.WriteString(" " + map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MariaDB"}[d] + " |")
	}
	b.WriteString("\n| --- | --- | --- |" + strings.Repeat(" --- |", len(dialects)) + "\n")
	sums := map[string]*cell{}
	for _, d := range dialects {
		sums[d] = &cell{}
	}
	for _, s := range sites {
		var moments []string
		cells := map[string]*cell{}
		for _, r := range results {
			name, moment := site(r.point)
			if name != s.name {
				continue
			}
			moments = append(moments, moment)
			if cells[r.dialect] == nil {
				cells[r.dialect] = &cell{}
			}
			for _, c := range []*cell{cells[r.dialect], sums[r.dialect]} {
				c.kills++
				c.lost += r.lost
				c.doubled += r.doubled
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |", s.name, s.what, brackets(s.name, moments))
		for _, d := range dialects {
			c := cells[d]
			if c == nil {
				c = &cell{}
			}
			b.WriteString(" " + c.String() + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("| **all** | | |")
	for _, d := range dialects {
		fmt.Fprintf(&b, " **%s** |", sums[d])
	}
	return b.String() + "\n"
}

// brackets are the moments, those of one thing together: "before, after Update".
func brackets(name string, moments []string) string {
	slices.Sort(moments)
	moments = slices.Compact(moments)
	if name == migrate {
		return "before, after each statement"
	}
	whens := map[string][]string{}
	var whats []string
	for _, m := range moments {
		when, what, _ := strings.Cut(m, " ")
		if whens[what] == nil {
			whats = append(whats, what)
		}
		whens[what] = append(whens[what], when)
	}
	slices.Sort(whats)
	order := []string{"before", "unanswered", "after"}
	for i, what := range whats {
		slices.SortFunc(whens[what], func(a, b string) int { return slices.Index(order, a) - slices.Index(order, b) })
		whats[i] = strings.Join(whens[what], ", ") + " " + what
	}
	return strings.Join(whats, "; ")
}
