package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// loading is the child that sends notifications: as many connections as are
// to be served at once, each of which sends the next message when the last
// one was answered, and, if there is a rate, when its time has come. Requests
// are made and signed before the clock starts, and written as bytes, so that
// little of the machine's time goes into sending.
type loading struct {
	URL         string        `json:"url"`
	Messages    []message     `json:"messages"`
	Concurrency int           `json:"concurrency"`
	Warm        int           `json:"warm"`  // messages before the clock starts
	Limit       time.Duration `json:"limit"` // no message is begun after so long
	// Rate is how many messages a second are begun in a run, whether or not
	// others were answered; 0: as many as are answered.
	Rate float64 `json:"rate,omitempty"`

	requests []prepared
	senders  []*sender
	next     atomic.Int64
}

// prepared is a message as it goes over the wire.
type prepared struct {
	bytes []byte
	kind  kind
}

// loadResult is what became of the messages of one command.
type loadResult struct {
	Sent     int            `json:"sent"`
	OK       int            `json:"ok"`                 // answered as it should be
	Failures map[string]int `json:"failures,omitempty"` // how often, by kind
	Seconds  float64        `json:"seconds"`
	P50      float64        `json:"p50_ms"`
	P95      float64        `json:"p95_ms"`
	P99      float64        `json:"p99_ms"`
	CPU      time.Duration  `json:"cpu"` // the sender's own
}

func (l *loading) start(ctx context.Context) (any, error) {
	to, err := url.Parse(l.URL)
	if err != nil {
		return nil, fmt.Errorf("read URL: %w", err)
	}
	now := time.Now()
	for _, m := range l.Messages {
		l.requests = append(l.requests, prepared{request(to, m.body(now)), m.Kind})
	}
	for range l.Concurrency {
		s := &sender{}
		if s.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", to.Host); err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		s.answers = bufio.NewReader(s.conn)
		l.senders = append(l.senders, s)
	}
	return len(l.requests), nil
}

func (l *loading) stop() {
	for _, s := range l.senders {
		_ = s.conn.Close()
	}
}

// do sends the first messages ("warm"), or those that are left ("run").
func (l *loading) do(_ context.Context, command string) (any, error) {
	switch command {
	case "warm":
		return l.send(l.requests[:l.Warm], time.Minute, 0)
	case "run":
		return l.send(l.requests[l.Warm:], l.Limit, l.Rate)
	}
	return nil, fmt.Errorf("there is no command %q", command)
}

func (l *loading) send(requests []prepared, limit time.Duration, rate float64) (loadResult, error) {
	before, err := processorTime()
	if err != nil {
		return loadResult{}, err
	}
	l.next.Store(0)
	begin := time.Now()
	q := &queue{next: &l.next, requests: requests, begin: begin, end: begin.Add(limit)}
	if rate > 0 {
		q.interval = time.Duration(float64(time.Second) / rate)
	}
	var all sync.WaitGroup
	for _, s := range l.senders {
		s.took, s.failures, s.sent = s.took[:0], nil, 0
		all.Go(func() { s.run(q) })
	}
	all.Wait()
	result := loadResult{Seconds: time.Since(begin).Seconds(), Failures: map[string]int{}}
	after, err := processorTime()
	if err != nil {
		return loadResult{}, err
	}
	result.CPU = after - before
	var took []time.Duration
	for _, s := range l.senders {
		took = append(took, s.took...)
		result.Sent += s.sent
		for _, failure := range s.failures {
			result.Failures[failure]++
		}
	}
	result.OK = len(took)
	slices.Sort(took)
	result.P50, result.P95, result.P99 = percentile(took, 50), percentile(took, 95), percentile(took, 99)
	return result, nil
}

// percentile is the smallest time, in milliseconds, that so many percent of
// the sorted ones do not exceed.
func percentile(sorted []time.Duration, percent float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(percent / 100 * float64(len(sorted))))
	return sorted[max(rank, 1)-1].Seconds() * 1000
}

// queue is what the senders of one command share.
type queue struct {
	next       *atomic.Int64
	requests   []prepared
	begin, end time.Time
	interval   time.Duration // between the times of two messages; 0: none has a time
}

// sender is one connection, kept alive.
type sender struct {
	conn     net.Conn
	answers  *bufio.Reader
	sent     int
	took     []time.Duration // of the messages that were answered as they should be
	failures []string
}

// sendTimeout ends a wait that no gateway would have the patience for.
const sendTimeout = 30 * time.Second

// run sends the next message that nobody has taken until none is left, the
// time is up, or the connection is broken. Where messages have their times,
// what one waits for a connection counts as its own.
func (s *sender) run(q *queue) {
	for time.Now().Before(q.end) {
		i := q.next.Add(1) - 1
		if i >= int64(len(q.requests)) {
			return
		}
		begin := time.Now()
		if q.interval > 0 {
			begin = q.begin.Add(time.Duration(i) * q.interval)
			<-time.After(time.Until(begin))
		}
		s.sent++
		request := q.requests[i]
		status, err := s.exchange(request.bytes, time.Now().Add(sendTimeout))
		switch {
		case err != nil:
			s.failures = append(s.failures, "no answer: "+err.Error())
			return
		case !request.kind.answered(status):
			s.failures = append(s.failures, fmt.Sprintf("%s answered with %d", request.kind, status))
		default:
			s.took = append(s.took, time.Since(begin))
		}
	}
}

func (s *sender) exchange(request []byte, deadline time.Time) (status int, err error) {
	if err := s.conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	if _, err := s.conn.Write(request); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(s.answers, nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// request is a POST of the body as it goes over the wire.
func request(to *url.URL, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: Veritrans\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		to.RequestURI(), to.Host, len(body))
	b.Write(body)
	return b.Bytes()
}
