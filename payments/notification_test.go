package payments_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

func TestWhatIsNoNotificationLeavesATraceAndMovesNothing(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		body    string
		status  int
		word    string
		verdict payments.Verdict
	}{
		"forged":    {`{"Sign":"bad","Ref":"R","Word":"settlement"}`, 403, "forged", payments.VerdictForged},
		"malformed": {`{"Ref":`, 400, "malformed", payments.VerdictMalformed},
		"empty":     {``, 400, "malformed", payments.VerdictMalformed},
		"no tx":     {`{"Sign":"good","Ref":"R","Word":"settlement"}`, 400, "malformed", payments.VerdictMalformed},
		"too large": {`{"Sign":"good","Ref":"R","Tx":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too-large", payments.VerdictMalformed},
	}
	for name, c := range cases {
		s := newShop(t)
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
		w := s.do("POST", "/notifications/fake", "", strings.ReplaceAll(c.body, `"R"`, `"`+string(p.ID)+`"`))
		problem(t, w, c.status, c.word)
		require.Empty(t, w.Header().Get("Retry-After"), "no retry can heal it")
		require.Equal(t, []payments.Verdict{c.verdict}, s.verdicts(), name)
		m := s.message(s.lastMessage("notification"))
		require.Empty(t, m.PaymentID)
		require.LessOrEqual(t, len(m.Raw), 2<<10)
		require.NotEmpty(t, m.Note)
		require.Equal(t, start, m.At)
		s.status(p, payments.StatusPending)
		require.Equal(t, []payments.EventKind{payments.EventPending}, s.kinds(p))
		require.Zero(t, s.fake.count("status"))
		_, err := s.pay.Replay(t.Context(), m.ID)
		require.ErrorIs(t, err, payments.ErrWrongState, "what was not genuine never becomes so")
	}
}

func (s *shop) message(id payments.ID) payments.Message {
	s.t.Helper()
	for m, err := range s.pay.Messages(s.t.Context(), payments.MessageQuery{ID: id}) {
		require.NoError(s.t, err)
		return m
	}
	s.t.Fatalf("no message %s", id)
	return payments.Message{}
}

func TestABodyOfTheLargestSizeIsRead(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	body := `{"Sign":"good","Ref":"` + strings.Repeat("x", 100) + `","Tx":"t","Word":"pending"}`
	w := s.do("POST", "/notifications/fake", "", body+strings.Repeat(" ", 64<<10-len(body)))
	require.Equal(t, 200, w.Code, w.Body.String())
}

// Strangers must not be able to fill the disk.
func TestTheTracesOfRefusedMessagesAreFew(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 300 {
		require.Equal(t, 403, s.do("POST", "/notifications/fake", "", `{}`).Code)
		require.Equal(t, 413, s.do("POST", "/notifications/fake", "", strings.Repeat(" ", 64<<10+1)).Code)
	}
	require.Len(t, s.verdicts(), 120)
	require.LessOrEqual(t, strings.Count(s.logs.String(), "notification refused"), 120)
	s.clock.Advance(time.Minute)
	s.do("POST", "/notifications/fake", "", `{}`)
	require.Len(t, s.verdicts(), 121)
	// Genuine ones are always kept.
	code, verdict := s.notify(note{Ref: "x", Tx: "t", Word: "pending"})
	require.Equal(t, 200, code)
	require.Equal(t, payments.VerdictParked, verdict)
	require.Len(t, s.verdicts(), 122)
}

func TestOnlyPostIsANotification(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, h := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		w := s.do(h, "/notifications/fake", "", `{"Sign":"good"}`)
		require.Equal(t, 405, w.Code, h)
		require.Equal(t, "POST", w.Header().Get("Allow"))
	}
	problem(t, s.do("POST", "/notifications/other", "", `{"Sign":"good"}`), 404, "not-found")
	require.Empty(t, s.verdicts())
	require.Panics(t, func() { s.pay.NotificationHandler("other") })
	w := httptest.NewRecorder()
	s.pay.NotificationHandler("fake").ServeHTTP(w, httptest.NewRequest("POST", "/any/where", strings.NewReader(`{}`)))
	problem(t, w, 403, "forged")
}

// Nothing is acknowledged before it is durable.
func TestAStoreThatFailsAcknowledgesNothing(t *testing.T) {
	t.Parallel()
	down := func() error { return errors.New("the store is down") }
	for name, body := range map[string]string{
		"settlement": `{"Sign":"good","Ref":"R","Tx":"tx1","Word":"settlement","Amount":29000}`,
		"pending":    `{"Sign":"good","Ref":"R","Tx":"tx1","Word":"pending","Amount":29000}`,
		"unknown":    `{"Sign":"good","Ref":"none","Tx":"tx1","Word":"settlement","Amount":29000}`,
		"test":       `{"Sign":"good","Ref":"none","Tx":"tx1","Word":"settlement","Test":true}`,
		"forged":     `{"Sign":"bad"}`,
		"malformed":  `{`,
		"too large":  strings.Repeat(" ", 64<<10+1),
	} {
		var store *flakyStore
		s := newShop(t, withFlaky(&store))
		p := s.buy("ana", `{"plan_id":"pro"}`)
		s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
		body = strings.ReplaceAll(body, `"R"`, `"`+string(p.ID)+`"`)
		store.set(down, nil)
		w := s.do("POST", "/notifications/fake", "", body)
		problem(t, w, 503, "send-again")
		require.Equal(t, "120", w.Header().Get("Retry-After"), name)
		require.NotContains(t, w.Body.String(), "the store", "a stranger learns nothing of it")
		require.Contains(t, s.logs.String(), "the store is down")
		require.Empty(t, s.verdicts())
		store.set(nil, nil)
		require.NotEqual(t, 503, s.do("POST", "/notifications/fake", "", body).Code, name)
		require.Len(t, s.verdicts(), 1)
	}
}

func TestABodyThatIsCutOffIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, httptest.NewRequest("POST", "/notifications/fake", iotest.ErrReader(errors.New("connection reset"))))
	problem(t, w, 503, "send-again")
	require.Empty(t, s.verdicts())
}

func TestAKeptMessageCanBeReplayed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.status = func(payments.AttemptRef) (payments.Observation, error) {
		return payments.Observation{}, unreachable("500")
	}
	s.notify(settlement(p, "tx1"))
	id := s.lastMessage("notification")
	require.Equal(t, payments.VerdictUnasked, s.message(id).Verdict)
	require.Equal(t, p.ID, s.message(id).PaymentID)
	verdict, err := s.pay.Replay(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, payments.VerdictUnasked, verdict)

	s.fake.status = nil
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.clock.Advance(time.Hour)
	for _, want := range []payments.Verdict{payments.VerdictApplied, payments.VerdictDuplicate} {
		verdict, err = s.pay.Replay(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want, verdict)
		m := s.message(id)
		require.Equal(t, want, m.Verdict)
		require.Empty(t, m.Note)
		require.Equal(t, start, m.At, "it is when it came in")
	}
	s.status(p, payments.StatusSettled)
	require.Len(t, s.verdicts(), 1)

	_, err = s.pay.Replay(t.Context(), "none")
	require.ErrorIs(t, err, payments.ErrNotFound)
	_, err = s.pay.Replay(t.Context(), s.lastMessage("status"))
	require.ErrorIs(t, err, payments.ErrWrongState, "an answer is not a notification")
}

// A replay goes through the gate like any other: it is no way around it.
func TestAReplayIsNotBelievedMoreThanTheOriginal(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p := s.buy("ana", `{"plan_id":"pro"}`)
	s.fake.set(string(p.ID), "tx1", "pending", 29_000)
	s.notify(settlement(p, "tx1"))
	verdict, err := s.pay.Replay(t.Context(), s.lastMessage("notification"))
	require.NoError(t, err)
	require.Equal(t, payments.VerdictUnconfirmed, verdict)
	s.status(p, payments.StatusPending)
}

// Many notifications for an order that turns up late: each is matched.
func TestAllThatIsParkedIsMatched(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	p, err := s.pay.Create(t.Context(), payments.CreateParams{User: ana, PlanID: "pro"})
	require.NoError(t, err)
	for i := range 60 {
		s.notify(note{Ref: string(p.ID), Tx: fmt.Sprint("tx", i%3), Word: "pending", Amount: 29_000})
	}
	s.fake.set(string(p.ID), "tx1", "settlement", 29_000)
	s.notify(settlement(p, "tx1"))
	_, err = s.pay.Attempt(t.Context(), p.ID, payments.AttemptParams{})
	require.NoError(t, err)
	s.clock.Advance(10 * time.Minute)
	s.drain()
	s.status(p, payments.StatusSettled)
	require.NotContains(t, s.verdicts(), payments.VerdictParked)
	require.Len(t, s.verdicts(), 61)
}
