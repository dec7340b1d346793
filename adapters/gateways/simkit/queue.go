package simkit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// Sent is one notification, signed, on its way to one URL.
type Sent struct {
	// ID is the same at every try, and of every copy its own.
	ID int64 `json:"id"`
	// Ref is our reference at the gateway that it is about.
	Ref string `json:"ref"`
	// Word is what it tells, in the gateway's word ("settlement").
	Word   string      `json:"word"`
	URL    string      `json:"url"`
	Header http.Header `json:"header"`
	Body   []byte      `json:"body"`
	// Due is when it is to be sent, or sent again.
	Due time.Time `json:"due"`
	// Tries counts how often it was sent.
	Tries int `json:"tries"`
}

// Answer is what the merchant's server said to a notification.
type Answer struct {
	// Sent is the notification; its Tries count this one.
	Sent Sent
	// Status is the HTTP status, zero if no answer came; Err then says why.
	Status int
	Err    string
	// Body is the start of the answer.
	Body string
	At   time.Time
	// Again is when it will be sent again; zero means never.
	Again time.Time
}

// Queue holds the notifications that are to be sent. Set the exported fields
// before use, all of them (Client for Deliver, Forged for the fault Forge); then
// it is safe for concurrent use. It has no goroutine: Deliver sends.
type Queue struct {
	Clock payments.Clock
	// Client sends; one over a [Transport] reaches a shop without a socket.
	Client *http.Client
	// Retry says whether a notification that was sent tries times, and
	// answered with status (zero: no answer), is sent again, and after how
	// long.
	Retry  func(status, tries int) (time.Duration, bool)
	Faults *Faults
	// Forged returns a copy with a wrong signature, for the fault Forge.
	Forged func(Sent) Sent

	mu       sync.Mutex
	lastID   int64
	waiting  []*Sent // in the order of sending
	inFlight map[int64]bool
	answers  []Answer
}

// keptAnswers is how many answers a Queue remembers.
const keptAnswers = 500

// Add puts a notification into the queue, with what goes wrong with it. It gives
// it its ID; Due is the caller's, as the time of signing and of sending may
// differ.
func (q *Queue) Add(s Sent) {
	if _, ok := q.Faults.take(s.Word, Drop); ok {
		return
	}
	if fault, ok := q.Faults.take(s.Word, Late); ok {
		s.Due = s.Due.Add(fault.Delay)
	}
	_, first := q.Faults.take(s.Word, Shuffle)
	_, twice := q.Faults.take(s.Word, Duplicate)
	_, forge := q.Faults.take(s.Word, Forge)

	q.mu.Lock()
	defer q.mu.Unlock()
	copies := []Sent{s}
	if twice {
		copies = append(copies, s)
	}
	if forge {
		copies = append([]Sent{q.Forged(s)}, copies...)
	}
	at := len(q.waiting)
	if first {
		at = 0
	}
	for _, c := range copies {
		q.lastID++
		c.ID = q.lastID
		q.waiting = slices.Insert(q.waiting, at, &c)
		at++
	}
}

// Deliver sends all that is due, one after the other, until nothing is, and
// returns the answers. What the merchant's server refuses is sent again
// later, as Retry says. It ends early with ctx's error; a notification whose
// sending was cut short by that stays due.
func (q *Queue) Deliver(ctx context.Context) ([]Answer, error) {
	var answers []Answer
	for {
		if err := ctx.Err(); err != nil {
			return answers, err
		}
		s, ok := q.next()
		if !ok {
			return answers, nil
		}
		a := q.send(ctx, s)
		if err := ctx.Err(); err != nil && a.Status == 0 {
			q.settle(s.ID, nil)
			return answers, err
		}
		q.settle(s.ID, &a)
		answers = append(answers, a)
	}
}

// next is the first one due, marked as being sent.
func (q *Queue) next() (Sent, bool) {
	now := q.Clock.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range q.waiting {
		if !s.Due.After(now) && !q.inFlight[s.ID] {
			if q.inFlight == nil {
				q.inFlight = map[int64]bool{}
			}
			q.inFlight[s.ID] = true
			return *s, true
		}
	}
	return Sent{}, false
}

// send posts s and waits for the answer.
func (q *Queue) send(ctx context.Context, s Sent) Answer {
	s.Tries++
	a := Answer{Sent: s}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(s.Body))
	if err == nil {
		req.Header = s.Header.Clone()
		var resp *http.Response
		if resp, err = q.Client.Do(req); err == nil {
			a.Status = resp.StatusCode
			var body []byte
			body, err = io.ReadAll(io.LimitReader(resp.Body, 2048))
			a.Body = string(body)
			_ = resp.Body.Close()
		}
	}
	if err != nil {
		a.Err = fmt.Sprintf("send notification: %v", err)
	}
	a.At = q.Clock.Now()
	if wait, again := q.Retry(a.Status, s.Tries); again {
		a.Again = a.At.Add(wait)
	}
	return a
}

// settle puts a notification that was sent back, or takes it away; without
// an answer it stays as it was.
func (q *Queue) settle(id int64, a *Answer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.inFlight, id)
	if a == nil {
		return
	}
	q.answers = append(q.answers, *a)
	if over := len(q.answers) - keptAnswers; over > 0 {
		q.answers = slices.Delete(q.answers, 0, over)
	}
	i := slices.IndexFunc(q.waiting, func(s *Sent) bool { return s.ID == id })
	if i < 0 { // taken meanwhile
		return
	}
	if a.Again.IsZero() {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return
	}
	q.waiting[i].Tries, q.waiting[i].Due = a.Sent.Tries, a.Again
}

// NextDue is when the next notification is to be sent, or zero.
func (q *Queue) NextDue() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	var next time.Time
	for _, s := range q.waiting {
		if !q.inFlight[s.ID] && (next.IsZero() || s.Due.Before(next)) {
			next = s.Due
		}
	}
	return next
}

// Waiting returns copies of all that are still to be sent, in their order.
func (q *Queue) Waiting() []Sent {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.copies()
}

func (q *Queue) copies() []Sent {
	all := make([]Sent, 0, len(q.waiting))
	for _, s := range q.waiting {
		all = append(all, *s)
	}
	return all
}

// Take empties the queue and returns what was in it.
func (q *Queue) Take() []Sent {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.copies()
	q.waiting = nil
	return all
}

// Restore replaces what is in the queue, e.g. by what Waiting returned in an
// earlier process.
func (q *Queue) Restore(all []Sent) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = nil
	for _, s := range all {
		q.lastID = max(q.lastID, s.ID)
		q.waiting = append(q.waiting, &s)
	}
}

// Answers returns the latest answers, oldest first.
func (q *Queue) Answers() []Answer {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.answers)
}

// Replay adds a notification once more, word for word as it was, due at once:
// the one of that ID among Answers. It returns false if there is none.
func (q *Queue) Replay(id int64, now time.Time) bool {
	for _, a := range q.Answers() {
		if a.Sent.ID == id {
			sent := a.Sent
			sent.Due, sent.Tries = now, 0
			q.Add(sent)
			return true
		}
	}
	return false
}
