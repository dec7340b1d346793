package midtranstest

import (
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

type dashboardView struct {
	Style             template.CSS
	Title, Self, Note string
	Orders            []orderView
	Waiting, Answers  []noticeView

	Subscriptions, Accounts []entryView
}

type orderView struct {
	ID, Amount, Page string
	Tries            []tryView
	Acts             []field // label and value of the buttons
}

type tryView struct{ Status, Tone, Label, At, Refunded string }

type noticeView struct{ Ref, Word, Try, Answer, Tone, Next, URL, ID string }

// showDashboard lists orders, subscriptions, accounts and notifications, newest
// first.
func (s *Server) showDashboard(w http.ResponseWriter, r *http.Request) {
	v := dashboardView{Style: style, Title: "Dashboard", Self: s.path("/"), Note: r.URL.Query().Get("note")}
	for _, o := range slices.Backward(s.Orders()) {
		v.Orders = append(v.Orders, s.orderView(o))
	}
	v.Subscriptions, v.Accounts = s.recurring()
	for _, sent := range s.queue.Waiting() {
		v.Waiting = append(v.Waiting, noticeView{
			Ref: sent.Ref, Word: sent.Word, Try: strconv.Itoa(sent.Tries + 1), Next: moment(sent.Due), URL: sent.URL,
		})
	}
	for _, a := range slices.Backward(s.Answers()) {
		v.Answers = append(v.Answers, answerView(a))
	}
	render(w, http.StatusOK, "dashboard.html", v)
}

func (s *Server) orderView(o Order) orderView {
	v := orderView{ID: o.ID, Amount: rupiah(o.page().parsed.amount()), Page: s.pagePath(o.page().Token)}
	for _, t := range slices.Backward(o.Transactions) {
		try := tryView{Status: t.Status, Label: t.label(), At: moment(t.CreatedAt), Tone: tone(t)}
		if t.challenged() {
			try.Status += " / challenge"
		}
		if sum := t.Refunded(); sum > 0 {
			try.Refunded = rupiah(sum)
		}
		v.Tries = append(v.Tries, try)
	}
	t := o.last()
	if t == nil {
		return v
	}
	add := func(possible bool, name, value string) {
		if possible {
			v.Acts = append(v.Acts, field{name, value})
		}
	}
	c := channelNamed(t.Channel)
	add(t.is("pending"), "Pay", "pay")
	add(t.is("pending"), "Decline", "deny")
	add(c.refunds && t.is("settlement", "partial_refund"), "Refund", "refund")
	add(t.challenged(), "Approve", "approve")
	add(t.challenged(), "Deny", "deny")
	add(t.is("capture") && !t.challenged(), "Settle now", "settle")
	add(t.is("pending", "authorize", "capture"), "Cancel", "cancel")
	add(t.is("pending"), "Expire", "expire")
	add(t.is("expire", "cancel"), "Pay late", "late")
	add(c.reversible && t.is("settlement"), "Reverse by the bank", "reverse")
	add(t.Card != "" && t.is("settlement", "partial_refund"), "Charge back", "chargeback")
	add(true, "Send notification × 3", "resend")
	return v
}

func tone(t *Transaction) string {
	switch {
	case t.is("pending") || t.challenged():
		return "wait"
	case t.is("settlement", "capture", "authorize"):
		return "good"
	case t.dead() || t.is("chargeback", "partial_chargeback"):
		return "bad"
	}
	return ""
}

func answerView(a simkit.Answer) noticeView {
	v := noticeView{
		Ref: a.Sent.Ref, Word: a.Sent.Word, Try: strconv.Itoa(a.Sent.Tries), URL: a.Sent.URL,
		ID:     strconv.FormatInt(a.Sent.ID, 10),
		Answer: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), Tone: "bad",
	}
	if a.Status == 0 {
		v.Answer = "no answer"
	}
	if a.Status >= 200 && a.Status < 300 {
		v.Tone = "good"
	}
	if !a.Again.IsZero() {
		v.Next = moment(a.Again)
	}
	return v
}

// useDashboard is a button of the dashboard.
func (s *Server) useDashboard(w http.ResponseWriter, r *http.Request) {
	ref := r.PostFormValue("order")
	acts := map[string]func() error{
		"refund":     func() error { return s.RefundFromDashboard(ref, 0) },
		"approve":    func() error { return s.Approve(ref) },
		"pay":        func() error { return s.Pay(ref) },
		"deny":       func() error { return s.Deny(ref) },
		"settle":     func() error { return s.Settle(ref) },
		"cancel":     func() error { return s.Cancel(ref) },
		"expire":     func() error { return s.Expire(ref) },
		"late":       func() error { return s.Pay(ref, Late()) },
		"reverse":    func() error { return s.Reverse(ref) },
		"chargeback": func() error { return s.Chargeback(ref) },
		"resend":     func() error { return s.Resend(ref, 3) },
		"replay": func() error {
			id, err := strconv.ParseInt(r.PostFormValue("notification"), 10, 64)
			return errors.Join(err, s.Replay(id))
		},
	}
	maps.Copy(acts, s.recurringActs(ref))
	act := acts[r.PostFormValue("do")]
	if act == nil {
		http.Error(w, "no such action", http.StatusBadRequest)
		return
	}
	to := s.path("/")
	if err := act(); err != nil {
		to += "?note=" + url.QueryEscape(err.Error())
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
