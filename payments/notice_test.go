package payments_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// What a gateway does about a message beside payments: at least once, and the
// message is sent again if it fails.
func TestNotices(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	calls, answer := 0, error(nil)
	read := s.fake.ReadNotification
	s.fake.read = func(raw payments.RawNotification) (payments.Notification, error) {
		notice := func(context.Context) error { calls++; return answer }
		if string(raw.Body) == `{"account":"a"}` {
			return payments.Notification{Observation: payments.Observation{Raw: raw.Body}, Notice: notice}, nil
		}
		s.fake.read = nil
		n, err := read(raw)
		n.Notice = notice
		return n, err
	}
	send := func() int { return s.do("POST", "/notifications/fake", "", `{"account":"a"}`).Code }
	answer = errors.New("the host is busy")
	require.Equal(t, 503, send())
	require.Empty(t, s.verdicts())
	answer = nil
	require.Equal(t, 200, send())
	require.Equal(t, []payments.Verdict{payments.VerdictNotice}, s.verdicts())
	require.Equal(t, 2, calls)

	// An operator may have it done once more.
	for m, err := range s.pay.Messages(t.Context(), payments.MessageQuery{Verdict: []payments.Verdict{payments.VerdictNotice}}) {
		require.NoError(t, err)
		verdict, err := s.pay.Replay(t.Context(), m.ID)
		require.NoError(t, err)
		require.Equal(t, payments.VerdictNotice, verdict)
	}
	require.Equal(t, 3, calls)

	// One that is also about a payment goes on to it.
	p := s.open(ana, "pro")
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	code, _ := s.notify(settlement(p, "tx1"))
	require.Equal(t, 200, code)
	require.Equal(t, 4, calls)
	s.status(p, payments.StatusSettled)

	// A panic is not the end, and strangers cannot have it done without end.
	s.fake.read = func(payments.RawNotification) (payments.Notification, error) {
		return payments.Notification{Notice: func(context.Context) error { panic("oh") }}, nil
	}
	require.Equal(t, 503, send())
	s.fake.read = func(raw payments.RawNotification) (payments.Notification, error) {
		return payments.Notification{Observation: payments.Observation{Raw: raw.Body}, Notice: func(context.Context) error { calls++; return nil }}, nil
	}
	calls = 0
	for range 300 {
		send()
	}
	require.Less(t, calls, 130)
}
