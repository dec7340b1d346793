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
// one was answered. Requests are made and signed before the clock starts, and
// written as bytes, so that little of the machine's time goes into sending.
type loading struct {
	URL         string        `json:"url"`
	Refs        []string      `json:"refs"`
	Concurrency int           `json:"concurrency"`
	Warm        int           `json:"warm"`  // messages before the clock starts
	Limit       time.Duration `json:"limit"` // no message is begun after so long

	requests [][]byte
	senders  []*sender
	next     atomic.Int64
}

// loadResult is what became of the messages of one command.
type loadResult struct {
	Sent     int            `json:"sent"`
	OK       int            `json:"ok"`
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
	for _, ref := range l.Refs {
		l.requests = append(l.requests, request(to, settlement(ref, now)))
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
		return l.send(l.requests[:l.Warm], time.Minute)
	case "run":
		return l.send(l.requests[l.Warm:], l.Limit)
	}
	return nil, fmt.Errorf("there is no command %q", command)
}

func (l *loading) send(requests [][]byte, limit time.Duration) (loadResult, error) {
	before, err := processorTime()
	if err != nil {
		return loadResult{}, err
	}
	l.next.Store(0)
	begin := time.Now()
	var all sync.WaitGroup
	for _, s := range l.senders {
		s.took, s.failures, s.sent = s.took[:0], nil, 0
		all.Go(func() { s.run(&l.next, requests, begin.Add(limit)) })
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

// sender is one connection, kept alive.
type sender struct {
	conn     net.Conn
	answers  *bufio.Reader
	sent     int
	took     []time.Duration // of the messages that were answered with 200
	failures []string
}

// sendTimeout ends a wait that no gateway would have the patience for.
const sendTimeout = 30 * time.Second

// run sends the next message that nobody has taken until none is left, the
// time is up, or the connection is broken.
func (s *sender) run(next *atomic.Int64, requests [][]byte, end time.Time) {
	for time.Now().Before(end) {
		i := next.Add(1) - 1
		if i >= int64(len(requests)) {
			return
		}
		s.sent++
		begin := time.Now()
		status, err := s.exchange(requests[i], begin.Add(sendTimeout))
		switch {
		case err != nil:
			s.failures = append(s.failures, "no answer: "+err.Error())
			return
		case status != http.StatusOK:
			s.failures = append(s.failures, fmt.Sprintf("answered with %d", status))
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
