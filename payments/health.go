package payments

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Health is what this process has seen of a gateway's checkouts lately; look-ups
// do not count, as they may work while checkouts do not. A gateway is to be
// avoided for half a minute after three calls in a row that failed, or one that
// ran into its timeout, then for ever longer, up to eight minutes; and for as
// long as it asks by itself. A call that succeeds, or is refused, makes it well.
type Health struct {
	// Failures in a row.
	Failures int
	// AvoidUntil is zero for one that is well. Why says why not.
	AvoidUntil time.Time
	Why        string
}

// Down reports whether the gateway is to be avoided.
func (h Health) Down(at time.Time) bool { return at.Before(h.AvoidUntil) }

const (
	tooManyFailures = 3
	avoidFor        = 30 * time.Second
)

// monitor keeps the health of the gateways. It remembers nothing beyond the
// process: another one finds out by itself, and a restart is a fresh start.
type monitor struct {
	mu     sync.Mutex
	health map[string]Health
}

func (m *monitor) of(gateway string) Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.health[gateway]
}

// saw takes in how a checkout ended.
func (m *monitor) saw(gateway string, at time.Time, err error) {
	if errors.Is(err, context.Canceled) {
		return // the caller's doing
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.health == nil {
		m.health = map[string]Health{}
	}
	h := m.health[gateway]
	answer := (*GatewayError)(nil)
	known := errors.As(err, &answer)
	switch {
	case err == nil, refusedFinally(err), errors.Is(err, ErrWrongState) && !errors.Is(err, ErrOutcomeUnknown):
		delete(m.health, gateway)
		return
	case known && (answer.HTTPStatus == http.StatusTooManyRequests || answer.RetryAfter > 0):
		h.avoid(at, max(answer.RetryAfter, avoidFor), "it asks to be called less often")
	case errors.Is(err, context.DeadlineExceeded): // a payer waits for each of these
		h.Failures = max(h.Failures+1, tooManyFailures)
		h.avoid(at, h.pause(), "it does not answer in time")
	default:
		h.Failures++
		if h.Failures >= tooManyFailures {
			h.avoid(at, h.pause(), itoa(h.Failures)+" calls in a row failed")
		}
	}
	m.health[gateway] = h
}

func (h *Health) pause() time.Duration { return avoidFor << min(h.Failures-tooManyFailures, 4) }

func (h *Health) avoid(at time.Time, d time.Duration, why string) {
	if until := at.Add(d); until.After(h.AvoidUntil) {
		h.AvoidUntil, h.Why = until, why
	}
}

// Health tells how a gateway has done lately, as far as this process called
// it. ErrNotFound (wrapped) for a name that is none.
func (s *Service) Health(gateway string) (Health, error) {
	if _, err := s.gateway(gateway); err != nil {
		return Health{}, err
	}
	return s.health.of(gateway), nil
}
