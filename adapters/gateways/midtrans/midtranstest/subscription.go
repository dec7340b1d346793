package midtranstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// subscription is a payer who is charged again and again.
type subscription struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Amount      int64           `json:"amount"`
	PaymentType string          `json:"payment_type"`
	Token       string          `json:"token"`
	AccountID   string          `json:"account_id,omitempty"` // of GoPay
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	Customer    json.RawMessage `json:"customer,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	Active      bool            `json:"active"`

	Schedule schedule       `json:"schedule"`
	Retry    *retrySchedule `json:"retry,omitempty"`
	// RetryAt is when a charge that failed is tried again, zero if none is;
	// Retried counts the retries of the present interval.
	RetryAt time.Time `json:"retry_at,omitzero"`
	Retried int       `json:"retried,omitempty"`
	// Transactions are the ids of those that were made.
	Transactions []string `json:"transactions,omitempty"`
	// Failures are the codes with which the next charges fail.
	Failures []string `json:"failures,omitempty"`
}

// schedule is when a subscription is charged.
type schedule struct {
	Interval int    `json:"interval"`
	Unit     string `json:"unit"`
	// Max is how many intervals there are, nil: no end.
	Max *int64 `json:"max,omitempty"`
	// Current counts those that were charged, or were to be.
	Current    int64     `json:"current"`
	StartAt    time.Time `json:"start_at"`
	PreviousAt time.Time `json:"previous_at,omitzero"`
	// NextAt is zero once there are no more.
	NextAt time.Time `json:"next_at,omitzero"`
	// Day is the day of the month that it began on. Shorter months have their
	// last day instead.
	Day int `json:"day"`
}

// retrySchedule is when a charge that failed is tried again, and how often.
type retrySchedule struct {
	Interval int    `json:"interval"`
	Unit     string `json:"unit"`
	Max      int    `json:"max"`
}

const (
	// subscriptionKeyLife is how long the answer to a creation is given again.
	subscriptionKeyLife = 3 * time.Minute
	secondsLayout       = "2006-01-02 15:04:05"
	microsLayout        = "2006-01-02T15:04:05.000000Z"
)

// after is the next time after at, in Jakarta's calendar.
func (c schedule) after(at time.Time) time.Time {
	at = at.In(wib)
	switch c.Unit {
	case "day":
		return at.AddDate(0, 0, c.Interval)
	case "week":
		return at.AddDate(0, 0, 7*c.Interval)
	}
	first := at.AddDate(0, c.Interval, 1-at.Day())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(c.Day, last)-1)
}

// over reports whether all intervals were charged. A most of zero means one.
func (c schedule) over() bool { return c.Max != nil && c.Current >= max(*c.Max, 1) }

// subscriptionError is the form of errors about subscriptions: the HTTP
// status means it.
func subscriptionError(status int, message string, problems ...string) reply {
	body := map[string]any{"status_message": message}
	if len(problems) > 0 {
		body["validation_messages"] = problems
	}
	return answer(status, body)
}

func badSubscription(problems ...string) reply {
	return subscriptionError(http.StatusBadRequest, "Invalid parameter.", problems...)
}

func noSubscription() reply {
	return subscriptionError(http.StatusNotFound, "Subscription doesn't exist.")
}

// recovering is what Midtrans says when it is in trouble.
const recovering = "Sorry, our system is recovering from unexpected issues. Please retry."

func subscriptionInternal() reply {
	return subscriptionError(http.StatusInternalServerError, recovering)
}

// subscriptionCall is a call about subscriptions.
func (s *Server) subscriptionCall(op, method string, h func(*http.Request, []byte) reply) http.HandlerFunc {
	fail := func(k simkit.Kind) reply {
		switch {
		case k == simkit.Throttled:
			return throttled
		case k == simkit.Refused && op == "create_subscription":
			return badSubscription("subscription.token is invalid")
		case k == simkit.Refused:
			return noSubscription()
		}
		return subscriptionInternal()
	}
	return s.call(op, method, fail, v1Unauthorized, subscriptionError(http.StatusMethodNotAllowed, "HTTP method is not allowed"), h)
}

// oneSubscription is GET and PATCH /v1/subscriptions/{id}.
func (s *Server) oneSubscription() http.HandlerFunc {
	get := s.subscriptionCall("get_subscription", http.MethodGet, s.aboutSubscription(
		func(sub *subscription, _ []byte, _ time.Time) reply {
			return answer(http.StatusOK, sub.body(secondsLayout, wib))
		}))
	update := s.subscriptionCall("update_subscription", http.MethodPatch, s.aboutSubscription(s.updateSubscription))
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			update(w, r)
			return
		}
		get(w, r)
	}
}

// aboutSubscription does something with the subscription of the request's
// path.
func (s *Server) aboutSubscription(do func(sub *subscription, body []byte, now time.Time) reply) func(*http.Request, []byte) reply {
	return func(r *http.Request, body []byte) reply {
		out := noSubscription()
		err := s.change(func(now time.Time) error {
			if sub := s.state.subscriptions[r.PathValue("id")]; sub != nil {
				out = do(sub, body, now)
			}
			return nil
		})
		if err != nil {
			return subscriptionInternal()
		}
		return out
	}
}

// createSubscription is POST /v1/subscriptions. What is wrong with the request
// is told before its Idempotency-Key is looked at.
func (s *Server) createSubscription(r *http.Request, raw []byte) reply {
	var out reply
	err := s.change(func(now time.Time) error {
		sub, problems := readSubscription(raw, now)
		if len(problems) == 0 && sub.PaymentType == "gopay" {
			if a := s.state.accounts[sub.AccountID]; a == nil || a.now(now) != accountEnabled {
				problems = []string{"subscription.gopay.account_id is not an enabled account"}
			}
		}
		if len(problems) > 0 {
			out = badSubscription(problems...)
			return nil
		}
		out = s.once(r.Header.Get("Idempotency-Key"), now, func() reply {
			sub.ID = uuid.NewString()
			s.state.Subscriptions = append(s.state.Subscriptions, sub)
			s.state.subscriptions[sub.ID] = sub
			s.expectAt(sub.nextAt())
			s.tellSubscription(sub, "subscription.create", now, sub.told())
			made := success(sub.body(secondsLayout, wib))
			made.Life = subscriptionKeyLife
			return made
		})
		return nil
	})
	if err != nil {
		return subscriptionInternal()
	}
	return out
}

func subscriptionUpdated() reply {
	return answer(http.StatusOK, map[string]any{"status_message": "Subscription is updated."})
}

// disableSubscription leaves the retries of a charge that failed running.
func (s *Server) disableSubscription(sub *subscription, _ []byte, _ time.Time) reply {
	sub.Active = false
	return subscriptionUpdated()
}

// cancelSubscription ends the retries, too.
func (s *Server) cancelSubscription(sub *subscription, _ []byte, _ time.Time) reply {
	sub.Active, sub.RetryAt = false, time.Time{}
	return subscriptionUpdated()
}

// enableSubscription lets the charges go on. Those that were missed are not
// made up for.
func (s *Server) enableSubscription(sub *subscription, _ []byte, now time.Time) reply {
	c := &sub.Schedule
	if sub.Active {
		return subscriptionUpdated()
	}
	if c.NextAt.IsZero() { // what Midtrans answers is not documented
		return badSubscription("subscription.schedule.max_interval is reached")
	}
	for !c.NextAt.After(now) {
		c.NextAt = c.after(c.NextAt)
	}
	sub.Active = true
	s.expectAt(sub.nextAt())
	return subscriptionUpdated()
}

// subscriptionOf is the one of that id, or the latest of that name, or nil.
func (s *Server) subscriptionOf(ref string) *subscription {
	if sub := s.state.subscriptions[ref]; sub != nil {
		return sub
	}
	for _, sub := range slices.Backward(s.state.Subscriptions) {
		if sub.Name == ref {
			return sub
		}
	}
	return nil
}

// onSubscription does something with the subscription of an id or a name.
func (s *Server) onSubscription(ref string, do func(sub *subscription, now time.Time) error) error {
	return s.change(func(now time.Time) error {
		sub := s.subscriptionOf(ref)
		if sub == nil {
			return fmt.Errorf("midtranstest: no subscription %q", ref)
		}
		return do(sub, now)
	})
}
