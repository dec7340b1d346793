package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// receive takes one notification to its verdict. An error means that nothing
// was stored, so the gateway must send it again.
func (s *Service) receive(ctx context.Context, g Gateway, raw RawNotification) (Verdict, error) {
	m := Message{ID: NewID(), Gateway: g.Name(), Op: "notification", At: s.now()}
	n, err := g.ReadNotification(raw)
	if err == nil && n.TransactionID == "" && len(n.Facts) > 0 {
		err = fmt.Errorf("%w: it names no transaction", ErrMalformed)
	}
	if err != nil {
		verdict := VerdictMalformed
		if errors.Is(err, ErrForged) {
			verdict = VerdictForged
		}
		m.Ref, m.Raw, m.Note = clip(n.Ref), n.Raw, err.Error()
		return s.reject(ctx, m, verdict)
	}
	m.Ref, m.Raw = n.Ref, n.Raw
	if n.Subscription != nil {
		return s.recurring(ctx, g, n, m)
	}
	if n.Notice == nil {
		return s.route(ctx, g, n, m)
	}
	// Whoever sends it may be a stranger, and it may call out.
	if !s.notices.allow(m.At) {
		return "", errors.New("more notices of a gateway than can be real")
	}
	if err := s.notice(ctx, n); err != nil {
		return "", err
	}
	if n.Ref != "" {
		return s.route(ctx, g, n, m)
	}
	m.Verdict = VerdictNotice
	_, err = s.update(ctx, s.store, Ref{}, func(u *unit) error {
		u.change.Messages = []Message{m}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("keep a notification: %w", err)
	}
	return m.Verdict, nil
}

// notice does what the gateway does about a message.
func (s *Service) notice(ctx context.Context, n Notification) error {
	ctx, cancel := context.WithTimeout(ctx, noticeTimeout)
	defer cancel()
	if err := s.safely("notice", func() error { return n.Notice(ctx) }); err != nil {
		return fmt.Errorf("notice of a gateway: %w", err)
	}
	return nil
}

// noticeTimeout: gateways wait for some 15 s.
const noticeTimeout = 10 * time.Second

// errAsk: the notification weighs, and the gateway has not been asked yet.
// errLinked: it may be of a payment that a link has brought.
var (
	errAsk    = errors.New("to be asked")
	errLinked = errors.New("to be looked for among the links")
)

// route finds the payment that a genuine notification is about and merges what
// needs no asking, or parks it: one write. What weighs goes on to judge.
func (s *Service) route(ctx context.Context, g Gateway, n Notification, m Message) (Verdict, error) {
	var p *Payment
	_, err := s.update(ctx, s.store, ByGatewayRef(g.Name(), n.Ref), func(u *unit) error {
		p, m.Note = u.p, ""
		switch {
		case p != nil && n.Proof != ProofWhole && p.weighs(g.Name(), n.Observation):
			return errAsk
		case p != nil:
			m.PaymentID, m.Verdict = p.ID, u.admit(g.Name(), n)
		case n.Test:
			m.Verdict, m.Note = VerdictTest, ""
		case len(n.Links) > 0:
			return errLinked
		default:
			m.Verdict, m.Note = VerdictParked, "no payment has this reference"
		}
		u.change.Messages = append(u.change.Messages, m)
		return nil
	})
	switch {
	case err == nil:
		return m.Verdict, nil
	case errors.Is(err, errAsk):
		return s.judge(ctx, g, p, n, m)
	case errors.Is(err, errLinked):
		if err := s.byLink(ctx, g.Name(), n); err != nil {
			return "", err
		}
		n.Links = nil // if there is still no payment, it is none of a link's
		return s.route(ctx, g, n, m)
	case errors.Is(err, ErrRefTaken) && p != nil: // the transaction belongs to another payment
		return s.disbelieve(ctx, g, p, n, m, errMismatch)
	}
	return "", fmt.Errorf("keep a notification: %w", err)
}

// reject keeps the trace of what cannot be what it claims to be.
func (s *Service) reject(ctx context.Context, m Message, verdict Verdict) (Verdict, error) {
	m.Verdict = verdict
	if !s.traces.allow(m.At) {
		return verdict, nil
	}
	m.Note = plain(m.Note)
	s.log.WarnContext(ctx, "notification refused", "gateway", m.Gateway, "verdict", verdict, "reason", m.Note)
	if len(m.Raw) > maxTrace {
		m.Raw = m.Raw[:maxTrace]
	}
	_, err := s.update(ctx, s.store, Ref{}, func(u *unit) error {
		u.change.Messages = []Message{m}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("keep a refused notification: %w", err)
	}
	return verdict, nil
}

// maxTrace is how much of a refused body is kept, and tracesPerMinute how
// many are kept and logged: strangers can send as many as they like, and must
// not fill the disk.
const (
	maxTrace        = 2 << 10
	tracesPerMinute = 120
)

// budget allows so many things a minute.
type budget struct {
	most   int // tracesPerMinute if zero
	mu     sync.Mutex
	minute time.Time
	used   int
}

func (b *budget) allow(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(b.minute) {
		b.minute, b.used = minute, 0
	}
	b.used++
	return b.used <= cmp.Or(b.most, tracesPerMinute)
}

// Replay takes a kept notification through the gate once more, after a fault
// has been mended or an order has turned up. Its verdict is recorded anew.
//
// Errors: ErrNotFound; ErrWrongState for a message that is not a notification,
// or one that was never genuine.
func (s *Service) Replay(ctx context.Context, messageID ID) (Verdict, error) {
	if err := guard(ctx); err != nil {
		return "", err
	}
	page, err := s.store.Messages(ctx, MessageQuery{ID: messageID, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(page.Items) == 0 {
		return "", fmt.Errorf("message %s: %w", messageID, ErrNotFound)
	}
	return s.replay(ctx, page.Items[0])
}

func (s *Service) replay(ctx context.Context, m Message) (Verdict, error) {
	if m.Op != "notification" || m.Verdict == VerdictForged || m.Verdict == VerdictMalformed {
		return "", fmt.Errorf("message %s: %w: not a genuine notification", m.ID, ErrWrongState)
	}
	g, err := s.gateway(m.Gateway)
	if err != nil {
		return "", err
	}
	n, err := g.ReadNotification(RawNotification{Body: m.Raw, Verified: true})
	if err != nil {
		return "", fmt.Errorf("replay message %s: %w", m.ID, err)
	}
	n.Raw, m.Note = m.Raw, ""
	if n.Subscription != nil {
		return s.recurring(ctx, g, n, m)
	}
	if n.Notice != nil {
		if err := s.notice(ctx, n); err != nil {
			return "", err
		}
		if n.Ref == "" {
			return m.Verdict, nil
		}
	}
	return s.route(ctx, g, n, m)
}

// matchParked replays what came in for the payment's references before they
// were known.
func (s *Service) matchParked(ctx context.Context, p *Payment) error {
	parked, err := s.parked(ctx, p)
	return errors.Join(err, s.replayAll(ctx, parked))
}

// parked is what came in for the payment's references before they were known.
func (s *Service) parked(ctx context.Context, p *Payment) ([]Message, error) {
	var parked []Message
	var errs []error
	for _, session := range p.Sessions {
		page, err := s.store.Messages(ctx, MessageQuery{
			Gateway: session.Gateway, Ref: session.Ref, Verdict: []Verdict{VerdictParked},
		})
		errs = append(errs, err)
		parked = append(parked, page.Items...)
	}
	return parked, errors.Join(errs...)
}

func (s *Service) replayAll(ctx context.Context, messages []Message) error {
	var errs []error
	for _, m := range messages {
		_, err := s.replay(ctx, m)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
