package simkit

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments/paymentstest"
)

// shop is a merchant that notes what it gets, and the queue that sends to it.
type shop struct {
	*Queue
	clock *paymentstest.Clock
	mu    sync.Mutex
	got   []string
	// answer is the status of the next answers.
	answer int
	// during is called while a notification is handled.
	during func()
}

func newShop(t *testing.T) *shop {
	s := &shop{clock: paymentstest.NewClock(time.Date(2026, 5, 6, 3, 0, 0, 0, time.UTC)), answer: http.StatusOK}
	var transport Transport
	require.NoError(t, transport.Handle("http://shop.test", s))
	s.Queue = &Queue{
		Clock: s.clock, Client: &http.Client{Transport: &transport}, Faults: &Faults{},
		Retry: func(status, tries int) (time.Duration, bool) {
			return time.Duration(tries) * time.Minute, status != http.StatusOK && tries < 3
		},
		Forged: func(s Sent) Sent { s.Body = []byte("forged"); return s },
	}
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.got = append(s.got, string(body))
	s.mu.Unlock()
	if s.during != nil {
		s.during()
	}
	w.WriteHeader(s.answer)
	_, _ = w.Write([]byte("thanks"))
}

func (s *shop) tell(words ...string) {
	for _, word := range words {
		s.Add(Sent{Ref: "order-1", Word: word, URL: "http://shop.test/n", Body: []byte(word), Due: s.clock.Now()})
	}
}

func (s *shop) arrived(t *testing.T) string {
	t.Helper()
	_, err := s.Deliver(t.Context())
	require.NoError(t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	all := strings.Join(s.got, " ")
	s.got = nil
	return all
}

func TestQueueSendsWhatIsDue(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.tell("one", "two")
	s.Add(Sent{Word: "later", URL: "http://shop.test/n", Body: []byte("later"), Due: s.clock.Now().Add(time.Hour)})
	require.Equal(t, "one two", s.arrived(t))
	require.Empty(t, s.arrived(t))
	require.Equal(t, s.clock.Now().Add(time.Hour), s.NextDue())
	s.clock.Advance(time.Hour)
	require.Equal(t, "later", s.arrived(t))
	require.Zero(t, s.NextDue())
	require.Len(t, s.Answers(), 3)
	require.Equal(t, "thanks", s.Answers()[0].Body)
}

func TestQueueTriesAgain(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.tell("one")
	s.answer = http.StatusBadGateway
	answers, err := s.Deliver(t.Context())
	require.NoError(t, err)
	require.Len(t, answers, 1)
	require.Equal(t, http.StatusBadGateway, answers[0].Status)
	require.Equal(t, 1, answers[0].Sent.Tries)
	require.Equal(t, s.clock.Now().Add(time.Minute), answers[0].Again)
	s.clock.Advance(time.Minute)
	require.Equal(t, "one one", s.arrived(t))
	s.clock.Advance(2 * time.Minute)
	answers, err = s.Deliver(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, answers[0].Sent.Tries)
	require.Zero(t, answers[0].Again, "three tries are all")
	require.Empty(t, s.Waiting())
}

func TestQueueWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.during = func() { panic(http.ErrAbortHandler) }
	s.tell("one")
	answers, err := s.Deliver(t.Context())
	require.NoError(t, err)
	require.Zero(t, answers[0].Status)
	require.Contains(t, answers[0].Err, "connection closed")
	require.NotZero(t, answers[0].Again)

	s.Add(Sent{URL: "http://%", Due: s.clock.Now()})
	answers, err = s.Deliver(t.Context())
	require.NoError(t, err)
	require.Contains(t, answers[0].Err, "parse")
}

func TestQueueThatIsCutShort(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.during = func() { cancel(); panic(http.ErrAbortHandler) }
	s.tell("one", "two")
	answers, err := s.Deliver(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, answers)
	require.Zero(t, s.Waiting()[0].Tries, "it does not count")
	s.during, s.got = nil, nil
	require.Equal(t, "one two", s.arrived(t))
}

func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{
		Duplicate: "one two two three",
		Shuffle:   "two one three",
		Late:      "one three",
		Drop:      "one three",
		Forge:     "one forged two three",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.Faults.Add(Fault{Kind: kind, Op: "two", Delay: time.Minute})
			s.tell("one", "two", "three")
			require.Equal(t, want, s.arrived(t))
			s.clock.Advance(time.Minute)
			if kind == Late {
				require.Equal(t, "two", s.arrived(t))
			}
			require.Empty(t, s.arrived(t))
		})
	}
}

func TestShuffleReversesARow(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.Faults.Add(Fault{Kind: Shuffle, Count: -1})
	s.tell("one", "two", "three")
	require.Equal(t, "three two one", s.arrived(t))
}

func TestQueueIsKeptElsewhere(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.tell("one", "two")
	s.answer = http.StatusInternalServerError
	require.Equal(t, "one two", s.arrived(t))
	kept := s.Waiting()

	next := newShop(t)
	next.Restore(kept)
	require.Empty(t, next.arrived(t), "not due yet")
	next.tell("three")
	next.clock.Advance(time.Minute)
	require.Equal(t, "one two three", next.arrived(t))
	ids := map[int64]bool{}
	for _, a := range next.Answers() {
		ids[a.Sent.ID] = true
	}
	require.Len(t, ids, 3, "ids are not given twice")
}

func TestTakeEmptiesTheQueue(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.tell("one", "two")
	require.Len(t, s.Take(), 2)
	require.Empty(t, s.arrived(t))

	s.during = func() { s.Take() } // while it is on its way
	s.answer = http.StatusInternalServerError
	s.tell("three")
	require.Equal(t, "three", s.arrived(t))
	s.clock.Advance(time.Hour)
	require.Empty(t, s.arrived(t))
}

func TestQueueSendsNothingTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 50 {
		s.tell("x")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _, _ = s.Deliver(t.Context()) })
	}
	wg.Wait()
	require.Len(t, s.got, 50)
	require.Len(t, s.Answers(), 50)
}

func TestQueueForgetsOldAnswers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range keptAnswers + 7 {
		s.tell("x")
	}
	s.arrived(t)
	answers := s.Answers()
	require.Len(t, answers, keptAnswers)
	require.EqualValues(t, keptAnswers+7, answers[len(answers)-1].Sent.ID)
}
