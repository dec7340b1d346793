package payments_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments"
)

// wait is how long the limit has the user wait at start+after; 0 lets through.
func wait(t testing.TB, l payments.Limit, user payments.EndUser, after time.Duration) time.Duration {
	t.Helper()
	err := l(t.Context(), user, start.Add(after))
	var limited *payments.LimitError
	if err != nil {
		require.ErrorAs(t, err, &limited)
		require.Positive(t, limited.RetryAfter)
		return limited.RetryAfter
	}
	return 0
}

func TestALimitLetsABurstThroughAndThenOneAtATime(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, steps := range map[string][]struct{ at, wait time.Duration }{
		"a burst, then one each ten seconds":      {{0, 0}, {0, 0}, {0, 0}, {0, 10 * s}, {9 * s, s}, {10 * s, 0}, {10 * s, 10 * s}, {20 * s, 0}},
		"what is refused does not count":          {{0, 0}, {0, 0}, {0, 0}, {s, 9 * s}, {2 * s, 8 * s}, {3 * s, 7 * s}, {10 * s, 0}},
		"after a pause the burst is whole":        {{0, 0}, {0, 0}, {0, 0}, {30 * s, 0}, {30 * s, 0}, {30 * s, 0}, {30 * s, 10 * s}},
		"it never grows beyond whole":             {{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {time.Hour, 10 * s}},
		"half of it comes back in between":        {{0, 0}, {0, 0}, {0, 0}, {15 * s, 0}, {15 * s, 5 * s}},
		"a clock that goes back locks nobody out": {{time.Hour, 0}, {time.Hour, 0}, {time.Hour, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 10 * s}},
	} {
		limit := payments.PerUser(3, 10*s)
		for i, step := range steps {
			require.Equal(t, step.wait, wait(t, limit, ana, step.at), "%s, step %d", name, i)
		}
	}
}

func TestALimitIsOfOneUser(t *testing.T) {
	t.Parallel()
	limit := payments.PerUser(1, time.Minute)
	for _, user := range []payments.EndUser{
		{ID: "a"}, {ID: "b"}, {ID: "a", Tenant: "t"}, {ID: "at"}, {ID: "", Tenant: "at"}, {ID: `a"`, Tenant: "t"},
	} {
		require.Zero(t, wait(t, limit, user, 0), user)
		user.Email, user.Name = "other@example.com", "Other"
		require.Equal(t, time.Minute, wait(t, limit, user, 0), user)
	}
}

// A user who comes again and again across the times at which the limit forgets
// gets exactly what he would without them.
func TestForgettingGivesNobodyMore(t *testing.T) {
	t.Parallel()
	limit := payments.PerUser(5, 2*time.Second)
	allowed := 0
	for at := time.Duration(0); at < 1000*time.Second; at += 700 * time.Millisecond {
		wait(t, limit, payments.EndUser{ID: fmt.Sprint(at)}, at) // others come, too
		if wait(t, limit, ana, at) == 0 {
			allowed++
		}
	}
	require.InDelta(t, 5+500, allowed, 1)
}

func TestALimitIsExactWhenManyComeAtOnce(t *testing.T) {
	t.Parallel()
	limit := payments.PerUser(50, time.Hour)
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 10 {
				if limit(t.Context(), ana, start) == nil {
					allowed.Add(1)
				}
				_ = limit(t.Context(), budi, start)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 50, allowed.Load())
}

func TestALimitThatCannotWorkIsAMistake(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { payments.PerUser(0, time.Second) })
	require.Panics(t, func() { payments.PerUser(1, 0) })
}

func TestTooManyCheckoutsOfOneUserAreRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 20 {
		s.buy("mallory", `{"plan_id":"pro"}`)
	}
	w := s.do("POST", "/checkout", "mallory", `{"plan_id":"pro"}`)
	problem(t, w, 429, "rate-limited")
	require.Equal(t, "6", w.Header().Get("Retry-After"))
	require.Equal(t, 20, s.fake.count("checkout"), "the gateway is not called")
	s.buy("ana", `{"plan_id":"pro"}`) // others are not held up
	require.Equal(t, 200, s.do("GET", "/payments", "mallory", "").Code, "and he still sees what he has")

	s.clock.Advance(5500 * time.Millisecond)
	w = s.do("POST", "/checkout", "mallory", "plan_id=pro", "Content-Type", formType, "Accept", "text/html")
	require.Equal(t, 429, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"), "rounded up")
	require.Contains(t, w.Body.String(), "try again shortly")
	s.clock.Advance(500 * time.Millisecond)
	s.buy("mallory", `{"plan_id":"pro"}`)
	// The host's own code is not limited.
	for range 30 {
		s.open(payments.EndUser{ID: "mallory"}, "pro")
	}
}

// A page of another site must not use up what the user has.
func TestRefusedForeignPostsCountForNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Limit = payments.PerUser(1, time.Hour) }))
	for range 5 {
		problem(t, s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`, "Sec-Fetch-Site", "cross-site"), 403, "cross-origin")
		problem(t, s.do("POST", "/checkout", "", `{"plan_id":"pro"}`), 401, "unauthenticated")
	}
	s.buy("ana", `{"plan_id":"pro"}`)
}

// Coming back makes us ask the gateway, so that is bounded, too. The payer is
// sent on all the same.
func TestComingBackTooOftenAsksTheGatewayNoMore(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Limit = payments.PerUser(4, time.Minute) }))
	p := s.buy("ana", `{"plan_id":"pro"}`)
	for range 10 {
		require.Contains(t, location(t, s.do("GET", "/return/"+string(p.ID), "ana", "")), "https://shop.test/thanks")
	}
	require.Equal(t, 3, s.fake.count("status"))
}

func TestAHostBringsItsOwnLimit(t *testing.T) {
	t.Parallel()
	var asked []payments.EndUser
	var answer error
	s := newShop(t, with(func(c *payments.Config) {
		c.Limit = func(_ context.Context, user payments.EndUser, now time.Time) error {
			require.Equal(t, start, now, "of the Config's clock")
			asked = append(asked, user)
			return answer
		}
	}))
	s.buy("ana", `{"plan_id":"pro"}`)
	require.Equal(t, []payments.EndUser{{ID: "ana", Email: "ana@example.com"}}, asked)
	answer = &payments.LimitError{RetryAfter: 90 * time.Second}
	w := s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`)
	problem(t, w, 429, "rate-limited")
	require.Equal(t, "90", w.Header().Get("Retry-After"))
	answer = errors.New("redis://:hunter2@10.0.0.7 is down")
	w = s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`)
	problem(t, w, http.StatusInternalServerError, "internal")
	require.NotContains(t, w.Body.String(), "hunter2")
	answer = payments.Invalid("plan_id", "not today")
	problem(t, s.do("POST", "/checkout", "ana", `{"plan_id":"pro"}`), 400, "invalid")
	require.Equal(t, 1, s.fake.count("checkout"))
}

func TestALimitCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	s := newShop(t, with(func(c *payments.Config) { c.Limit = payments.Unlimited }))
	for range 50 {
		s.buy("ana", `{"plan_id":"pro"}`)
	}
}
