package fazztest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

type dashboardView struct {
	StylePath, Title, Self, Note string
	Payments                     []paymentView
	Waiting, Answers             []noticeView
}

type paymentView struct {
	Reference, ID, Amount, Page string
	Status, Tone                string
	Facts                       []string
	Acts                        []field // label and value of the buttons
}

type noticeView struct{ Ref, Word, Try, Answer, Tone, Next, URL, ID string }

// showDashboard lists payments and callbacks, newest first.
func (s *Server) showDashboard(w http.ResponseWriter, r *http.Request) {
	v := dashboardView{StylePath: s.path("/style.css"), Title: "Dashboard", Self: s.path("/"), Note: r.URL.Query().Get("note")}
	for _, p := range slices.Backward(s.Payments()) {
		v.Payments = append(v.Payments, s.paymentView(&p))
	}
	for _, sent := range s.queue.Waiting() {
		v.Waiting = append(v.Waiting, noticeView{
			Ref: sent.Ref, Word: sent.Word, Try: strconv.Itoa(sent.Tries + 1), Next: shown(sent.Due), URL: sent.URL,
		})
	}
	for _, a := range slices.Backward(s.Answers()) {
		v.Answers = append(v.Answers, answerView(a))
	}
	render(w, http.StatusOK, "dashboard.html", v)
}

func (s *Server) paymentView(p *Payment) paymentView {
	v := paymentView{
		Reference: p.ReferenceID, ID: p.ID, Amount: rupiah(p.Amount), Page: s.pagePath(p.ID),
		Status: p.Status, Tone: tone(p), Facts: []string{p.channel().label, "created " + shown(p.CreatedAt)},
	}
	if p.is(pending) {
		v.Facts = append(v.Facts, "expires "+shown(p.ExpiresAt))
	}
	if p.Reason != "" {
		v.Facts = append(v.Facts, p.Reason)
	}
	add := func(possible bool, name, value string) {
		if possible {
			v.Acts = append(v.Acts, field{name, value})
		}
	}
	add(p.is(pending, processing), "Pay", "pay")
	add(p.is(paid), "Complete", "complete")
	add(p.is(pending), "Process", "process")
	add(p.is(pending, processing), "Fail", "fail")
	add(p.is(pending), "Expire", "expire")
	add(p.is(pending), "Cancel", "cancel")
	add(p.is(expired, cancelled), "Pay late", "late")
	add(true, "Send callback × 3", "resend")
	return v
}

func tone(p *Payment) string {
	switch {
	case p.is(pending, processing):
		return "wait"
	case p.is(paid, completed):
		return "good"
	}
	return "bad"
}

func answerView(a simkit.Answer) noticeView {
	v := noticeView{
		Ref: a.Sent.Ref, Word: a.Sent.Word, Try: strconv.Itoa(a.Sent.Tries), URL: a.Sent.URL,
		ID:     strconv.FormatInt(a.Sent.ID, 10),
		Answer: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), Tone: "bad",
	}
	switch a.Status {
	case 0:
		v.Answer = "no answer"
	case http.StatusOK:
		v.Tone = "good"
	}
	if !a.Again.IsZero() {
		v.Next = shown(a.Again)
	}
	return v
}

// useDashboard is a button of the dashboard.
func (s *Server) useDashboard(w http.ResponseWriter, r *http.Request) {
	ref := r.PostFormValue("payment")
	act := map[string]func() error{
		"pay":      func() error { return s.Pay(ref) },
		"late":     func() error { return s.Pay(ref, Late()) },
		"complete": func() error { return s.Complete(ref) },
		"process":  func() error { return s.Process(ref) },
		"fail":     func() error { return s.FailPayment(ref, "failed from the dashboard") },
		"expire":   func() error { return s.Expire(ref) },
		"cancel":   func() error { return s.Cancel(ref) },
		"resend":   func() error { return s.Resend(ref, 3) },
		"replay": func() error {
			id, err := strconv.ParseInt(r.PostFormValue("callback"), 10, 64)
			return errors.Join(err, s.Replay(id))
		},
	}[r.PostFormValue("do")]
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
