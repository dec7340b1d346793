package midtranstest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// entryView is a subscription or an account.
type entryView struct {
	ID, Name, Sum, Status, Tone string
	Facts                       []string
	Acts                        []field // label and value of the buttons
}

// recurring lists subscriptions and linked accounts, newest first.
func (s *Server) recurring() (subscriptions, accounts []entryView) {
	// It only reads; a state that cannot be saved is for the caller that
	// changes it to hear of.
	_ = s.change(func(now time.Time) error {
		for _, sub := range slices.Backward(s.state.Subscriptions) {
			subscriptions = append(subscriptions, sub.view())
		}
		for _, a := range slices.Backward(s.state.Accounts) {
			accounts = append(accounts, a.view(now))
		}
		return nil
	})
	return subscriptions, accounts
}

func (sub *subscription) view() entryView {
	c := sub.Schedule
	v := entryView{ID: sub.ID, Name: sub.Name, Sum: rupiah(sub.Amount), Status: sub.status()}
	if sub.Active {
		v.Tone = "good"
	}
	v.Facts = append(v.Facts, fmt.Sprintf("%s, every %d %s", channelNamed(sub.PaymentType).label, c.Interval, c.Unit), fmt.Sprintf("charged %d", c.Current))
	if !sub.RetryAt.IsZero() {
		v.Facts = append(v.Facts, "retry "+moment(sub.RetryAt))
	}
	if at := c.NextAt; sub.Active && !at.IsZero() {
		v.Facts = append(v.Facts, "next "+moment(at))
	}
	if n := len(sub.Failures); n > 0 {
		v.Facts = append(v.Facts, fmt.Sprintf("to fail: %s", strings.Join(sub.Failures, " ")))
	}
	if !sub.nextAt().IsZero() {
		v.Acts = []field{{"Charge now", "charge_now"}, {"Fail next: token", "fail_token"}, {"Fail next: denied", "fail_denied"}, {"Fail next: trouble", "fail_trouble"}}
	}
	return v
}

func (a *account) view(now time.Time) entryView {
	v := entryView{ID: a.ID, Name: "GoPay +" + a.Phone, Status: a.now(now), Facts: []string{a.ID}}
	switch v.Status {
	case accountPending:
		v.Tone = "wait"
		v.Acts = []field{{"Agree", "link"}, {"Decline", "decline"}}
	case accountEnabled:
		v.Tone, v.Sum = "good", rupiah(a.Purses[0].Balance)
		v.Acts = []field{{"Unlink in the app", "unlink"}, {"Change tokens", "tokens"}, {"Empty the wallet", "empty"}}
	}
	return v
}

// recurringActs are the buttons of the entry of that id.
func (s *Server) recurringActs(id string) map[string]func() error {
	return map[string]func() error{
		"charge_now":   func() error { return s.ChargeNow(id) },
		"fail_token":   func() error { return s.FailCharges(id, 1, "411") },
		"fail_denied":  func() error { return s.FailCharges(id, 1, bankDenies) },
		"fail_trouble": func() error { return s.FailCharges(id, 1, "500") },
		"link":         func() error { return s.LinkAccount(id) },
		"decline":      func() error { return s.DeclineAccount(id) },
		"unlink":       func() error { return s.UnlinkAccount(id) },
		"tokens":       func() error { return s.ChangeTokens(id) },
		"empty":        func() error { return s.SetBalance(id, 0) },
	}
}
