package midtranstest

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
func WithKeys(serverKey, clientKey string) Option {
	return func(s *Server) { s.serverKey, s.clientKey = serverKey, clientKey }
}

// WithURL says where a simulator that does not listen is seen from, by the
// merchant and by browsers; it may have a path. Default:
// http://midtrans.test, which only [Server.Client] reaches.
func WithURL(url string) Option { return func(s *Server) { s.URL = url } }

// WithNotificationURL sets the merchant's notification URL, as the dashboard
// would. Without one, and none given with a transaction, nobody is notified.
func WithNotificationURL(url string) Option { return func(s *Server) { s.notifyURL = url } }

// WithAccountURL sets the URL that is told of linked GoPay accounts, as the
// dashboard's Pay Account Notification URL would. Default: the notification
// URL.
func WithAccountURL(url string) Option { return func(s *Server) { s.accountURL = url } }

// WithRecurringURL sets the URL that is told of subscriptions, as the
// dashboard's Recurring Notification URL would. Default: the notification URL.
func WithRecurringURL(url string) Option { return func(s *Server) { s.recurringURL = url } }

// WithChargeNotifications tells of each charge of a subscription also by an
// ordinary notification, signed, with its subscription_id, as some say that
// Midtrans does. What becomes of the transaction later, a card's settlement
// or a refund, is told by ordinary notifications anyway.
func WithChargeNotifications() Option { return func(s *Server) { s.chargeNotices = true } }

// WithScenario orders faults from the start. A Count below zero lets one
// happen always:
//
//	WithScenario(simkit.Fault{Kind: simkit.Duplicate, Count: -1})
func WithScenario(faults ...simkit.Fault) Option { return func(s *Server) { s.faults.Add(faults...) } }

// WithStateFile keeps everything (orders, transactions, notifications that
// are still to be delivered and when) in the file at path, written whole
// before a change is answered. A simulator that lives in the process of the
// shop then forgets nothing when that process is killed. A file that does not
// exist is made. One simulator a file, and small numbers of orders.
func WithStateFile(path string) Option { return func(s *Server) { s.file.Path = path } }

// WithRetry sets the pauses before a refused notification is sent again, and
// with their number the most that it is. Default: 2, 10, 30, 90 and 210
// minutes.
func WithRetry(pauses ...time.Duration) Option {
	return func(s *Server) { s.retryAfter = pauses }
}

// WithNotificationTimeout sets how long a merchant may take to answer a
// notification, on the system's clock. Default: 15 s.
func WithNotificationTimeout(d time.Duration) Option { return func(s *Server) { s.timeout = d } }
