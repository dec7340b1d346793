package fazztest

import (
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
	"github.com/lunaspay/lunas/payments"
)

// Option sets up a [Server].
type Option func(*Server)

// WithClock sets the time that the simulator lives by. Default: the system's.
func WithClock(c payments.Clock) Option { return func(s *Server) { s.clock = c } }

// WithKeys sets the merchant's keys. The defaults have the form of the
// sandbox's.
func WithKeys(apiKey, secretKey, signingSecret string) Option {
	return func(s *Server) { s.apiKey, s.secretKey, s.signingSecret = apiKey, secretKey, signingSecret }
}

// WithURL says where a simulator that does not listen is seen from, by the
// merchant and by browsers; it may have a path. Default: http://fazz.test,
// which only [Server.Client] reaches.
func WithURL(url string) Option { return func(s *Server) { s.URL = url } }

// WithNotificationURL sets the merchant's callback URL, as the dashboard
// would. Without one nobody is told.
func WithNotificationURL(url string) Option { return func(s *Server) { s.notifyURL = url } }

// WithScenario orders faults from the start. A Count below zero lets one
// happen always:
//
//	WithScenario(simkit.Fault{Kind: simkit.Duplicate, Count: -1})
func WithScenario(faults ...simkit.Fault) Option { return func(s *Server) { s.faults.Add(faults...) } }

// WithStateFile keeps everything (payments, callbacks that are still to be
// delivered and when) in the file at path, written whole before a change is
// answered. A simulator that lives in the process of the shop then forgets
// nothing when that process is killed. A file that does not exist is made.
// One simulator a file, and small numbers of payments.
func WithStateFile(path string) Option { return func(s *Server) { s.file.Path = path } }

// WithRetry sets the pauses before a refused callback is sent again, and with
// their number the most that it is. Default: 20 times 5 minutes, which is what
// Fazz's sister product does; Fazz itself does not say.
func WithRetry(pauses ...time.Duration) Option {
	return func(s *Server) { s.retryAfter = pauses }
}

// WithNotificationTimeout sets how long a merchant may take to answer a
// callback, on the system's clock. Default: 15 s.
func WithNotificationTimeout(d time.Duration) Option { return func(s *Server) { s.timeout = d } }

// WithSettleAfter completes paid payments by themselves after d, counted from
// when they were paid. Default: only [Server.Complete], the task "settle" and
// the dashboard do.
func WithSettleAfter(d time.Duration) Option { return func(s *Server) { s.settleAfter = max(d, 0) } }

// WithStrictReference refuses a referenceId that is used a second time with
// another amount or method, by 409 and code 005. By default the first payment
// is returned unchanged whatever is asked. Which of the two Fazz does is not
// known: a client has to live with both.
func WithStrictReference() Option { return func(s *Server) { s.strict = true } }

// WithoutEndCallbacks sends no callback when a payment has expired, was
// cancelled or has failed, so that only a look-up finds out. Fazz promises
// callbacks for paid and completed payments only.
func WithoutEndCallbacks() Option { return func(s *Server) { s.endCallbacks = false } }
