package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is what a [Service] is made of. Store, Gateways and PublicURL are
// required; the zero value of everything else is a good default.
type Config struct {
	// Store keeps everything: memory.New(), gormstore.Open(...), your own.
	Store Store
	// Gateways are the merchant accounts, each under a name of its own, which
	// is also its notification route. Notifications of all are taken.
	Gateways []Gateway
	// Router chooses among them for each checkout. Nil: the first that can take
	// it, and no other.
	Router Router

	// Plans and Items are what is for sale, in code. Use Catalog instead to
	// look it up; both is an error.
	Plans   Plans
	Items   Items
	Catalog Catalog

	// Identify says who sends a request. It returns ErrUnauthenticated for a
	// stranger. Nil: the routes of the payer are not mounted.
	Identify func(*http.Request) (EndUser, error)
	// Prepare is the host's last word on a checkout over HTTP: Reference,
	// Metadata, Extra. Its error is the answer (see ProblemOf).
	Prepare func(*http.Request, *CreateParams) error
	// Limit is how often a user may have a gateway called over HTTP: by a
	// checkout, counted whether it succeeds or not, and by coming back from the
	// gateway's page. Service.Checkout itself is not limited: the host's own
	// code calls it, and knows whom for. Default PerUser(20, 6*time.Second);
	// Unlimited for none.
	Limit Limit

	// PublicURL is the absolute URL of Handler's mount as seen from outside,
	// e.g. "https://shop.example/pay". Links are built from it, never from a
	// request's headers.
	PublicURL string
	// NotificationURL is the absolute URL of the notification routes, if
	// they are elsewhere than at PublicURL + "/notifications".
	NotificationURL string
	// ReturnURLs are where payers may be sent back to: absolute URLs; a
	// return URL must equal one or lie below it. The first is the default.
	ReturnURLs []string

	// ExpiresIn is how long a payer has, unless CreateParams says otherwise;
	// default 24 h.
	ExpiresIn time.Duration

	Hooks  HookPolicy
	Claims ClaimPolicy
	// Reconcile is when silent payments are asked about, counted from the
	// last news; default DefaultSchedule. Behind its end, every 24 h.
	Reconcile Schedule
	// Retention is how long what is done with is kept; default for ever.
	Retention Retention

	// Clock is for tests; default the system's.
	Clock Clock
	// Logger gets what operators should know; default slog.Default().
	Logger *slog.Logger
	// WriteProblem, if set, writes error answers in the host's own form.
	WriteProblem func(http.ResponseWriter, *http.Request, Problem)
}

// Catalog looks up what is for sale. Unknown ids are ErrNotFound. It must be
// safe for concurrent use.
type Catalog interface {
	Plan(ctx context.Context, tenant, id string) (Plan, error)
	Item(ctx context.Context, tenant, id string) (Item, error)
}

// HookPolicy is how hooks are called.
type HookPolicy struct {
	// Timeout of one call; default 30 s. The hook's ctx ends then.
	Timeout time.Duration
	// MaxTries until a delivery is dead; default 12, which with the default
	// pauses is about two days.
	MaxTries int
	// Backoff is the pause after try n (from 1); default 1 s, 4 s, 16 s, …
	// up to 12 h. A random part of up to a half is taken off.
	Backoff func(n int) time.Duration
	// Concurrency is how many hooks run at once in this process; default 16.
	Concurrency int
	// StopTimeout is how long Run waits for hooks in flight when it is
	// stopped; default 15 s. What is cut off is delivered again.
	StopTimeout time.Duration
	// Poll is how often the store is asked for what is due: timers, retries,
	// what other processes committed; default 1 s. Events of this process
	// are delivered at once.
	Poll time.Duration
}

// Schedule lists times after the last news at which something is asked.
type Schedule []time.Duration

// DefaultSchedule of the reconciler.
var DefaultSchedule = Schedule{
	2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// after returns the first point of the schedule, counted from start, that
// lies after now; behind the end of the list there is one every 24 h.
func (s Schedule) after(start, now time.Time) time.Time {
	for _, d := range s {
		if t := start.Add(d); t.After(now) {
			return t
		}
	}
	const day = 24 * time.Hour
	return now.Add(day - now.Sub(start)%day)
}

// Retention is how long a Store keeps what nothing depends on any more; zero
// is for ever. Set, it takes a Store that is a [Cleaner], as ours are; Run and
// Drain clean.
//
// Both kinds are evidence in a dispute, and neither is needed by anything
// else. Payments, their events and claims are never deleted, nor are
// deliveries that are open or dead, and messages that are parked: somebody may
// still have to act on them.
type Retention struct {
	// Deliveries that are done or dismissed show when each hook ran, after how
	// many tries, and which process ran it. 90 days is a good choice.
	Deliveries time.Duration
	// Messages are what a gateway said, to the letter: the proof, where it
	// later says something else, and what Replay needs. 400 days is a good
	// choice: chargebacks come within months, audits once a year.
	Messages time.Duration
}

// minRetention: less is a mistake in the unit.
const minRetention = 24 * time.Hour

var gatewayName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func (c *Config) setDefaults() {
	if c.Clock == nil {
		c.Clock = systemClock{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Claims.Location == nil {
		c.Claims.Location = time.FixedZone("Asia/Jakarta", 7*60*60)
	}
	if c.Reconcile == nil {
		c.Reconcile = DefaultSchedule
	}
	if c.Limit == nil {
		c.Limit = PerUser(20, 6*time.Second)
	}
	setDefault(&c.ExpiresIn, 24*time.Hour)
	setDefault(&c.Hooks.Timeout, 30*time.Second)
	setDefault(&c.Hooks.MaxTries, 12)
	setDefault(&c.Hooks.Concurrency, 16)
	setDefault(&c.Hooks.StopTimeout, 15*time.Second)
	setDefault(&c.Hooks.Poll, time.Second)
	if c.Hooks.Backoff == nil {
		c.Hooks.Backoff = func(n int) time.Duration {
			return min(time.Second<<min(2*(n-1), 30), 12*time.Hour)
		}
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.NotificationURL = strings.TrimRight(c.NotificationURL, "/")
	if c.NotificationURL == "" {
		c.NotificationURL = c.PublicURL + "/notifications"
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate names every field that cannot work, in one error.
func (c *Config) validate() error {
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("payments: Config."+format, args...))
	}
	if c.Store == nil {
		refuse("Store is missing")
	} else if !reflect.TypeOf(c.Store).Comparable() {
		refuse("Store is a %T, which cannot be compared; pass a pointer to it", c.Store) // Within tells stores apart
	}
	if len(c.Gateways) == 0 {
		refuse("Gateways is empty")
	}
	names := map[string]bool{}
	for i, g := range c.Gateways {
		if g == nil {
			refuse("Gateways[%d] is nil", i)
			continue
		}
		name := g.Name()
		if !gatewayName.MatchString(name) {
			refuse("Gateways[%d]: the name %q is not made of lower-case letters, digits and dashes", i, name)
		}
		if names[name] {
			refuse("Gateways: two have the name %q; one merchant account is one gateway", name)
		}
		names[name] = true
		if checker, ok := As[interface{ Check() error }](g); ok {
			if err := checker.Check(); err != nil {
				refuse("Gateways[%d] (%s): %w", i, name, err)
			}
		}
	}
	if checker, ok := c.Router.(interface{ Check(gateways []string) error }); ok {
		if err := checker.Check(slices.Sorted(maps.Keys(names))); err != nil {
			refuse("Router: %w", err)
		}
	}
	if c.Catalog != nil && (c.Plans != nil || c.Items != nil) {
		refuse("Catalog and Plans or Items are both set")
	}
	known := map[string]bool{}
	for i, p := range c.Plans {
		if err := p.check(); err != nil {
			refuse("Plans[%d] (%s): %w", i, p.ID, err)
		} else if known[p.ID] {
			refuse("Plans[%d] (%s): the ID is that of another one", i, p.ID)
		}
		known[p.ID] = true
	}
	clear(known)
	for i, item := range c.Items {
		if err := item.check(); err != nil {
			refuse("Items[%d] (%s): %w", i, item.ID, err)
		} else if known[item.ID] {
			refuse("Items[%d] (%s): the ID is that of another one", i, item.ID)
		}
		known[item.ID] = true
	}
	mustBeAbsolute := func(field, raw string) {
		if !absolute(raw) {
			refuse("%s: %q is not an absolute http(s) URL without user, query and fragment", field, raw)
		}
	}
	mustBeAbsolute("PublicURL", c.PublicURL)
	if absolute(c.PublicURL) { // else the default is wrong as well
		mustBeAbsolute("NotificationURL", c.NotificationURL)
	}
	for i, u := range c.ReturnURLs {
		mustBeAbsolute(fmt.Sprintf("ReturnURLs[%d]", i), u)
	}
	if c.ExpiresIn < time.Minute {
		refuse("ExpiresIn is %s; at least a minute", c.ExpiresIn)
	}
	for i, d := range c.Reconcile {
		if d <= 0 || i > 0 && d <= c.Reconcile[i-1] {
			refuse("Reconcile[%d] is %s; the steps must rise from above zero", i, d)
		}
	}
	switch c.Claims.PartialRefund {
	case KeepAccess, RevokeAccess, ProrateAccess:
	default:
		refuse("Claims.PartialRefund: %q is none of the choices", c.Claims.PartialRefund)
	}
	for _, hooks := range []struct {
		field    string
		negative bool
	}{
		{"MaxTries", c.Hooks.MaxTries < 0}, {"Concurrency", c.Hooks.Concurrency < 0}, {"Timeout", c.Hooks.Timeout < 0},
		{"StopTimeout", c.Hooks.StopTimeout < 0}, {"Poll", c.Hooks.Poll < 0},
	} {
		if hooks.negative {
			refuse("Hooks.%s is negative", hooks.field)
		}
	}
	for _, kept := range []struct {
		field string
		time.Duration
	}{{"Deliveries", c.Retention.Deliveries}, {"Messages", c.Retention.Messages}} {
		switch {
		case kept.Duration < 0:
			refuse("Retention.%s is negative; zero keeps them for ever", kept.field)
		case kept.Duration > 0 && kept.Duration < minRetention:
			refuse("Retention.%s is %s; at least %s, or zero, which keeps them for ever", kept.field, kept.Duration, minRetention)
		}
	}
	if _, ok := c.Store.(Cleaner); c.Store != nil && !ok && c.Retention != (Retention{}) {
		refuse("Retention is set, but the Store, a %T, is no payments.Cleaner", c.Store)
	}
	return errors.Join(errs...)
}

func absolute(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func (p Plan) check() error {
	switch {
	case p.ID == "":
		return errors.New("the ID is missing")
	case p.Price.Amount < 0:
		return errors.New("the Price is negative")
	case p.Price.Currency == "":
		return errors.New("the Price has no currency; use payments.IDR")
	case p.Period.Years < 0 || p.Period.Months < 0 || p.Period.Days < 0:
		return errors.New("the Period is negative")
	}
	return p.Renewal.check(p)
}

func (i Item) check() error {
	switch {
	case i.ID == "":
		return errors.New("the ID is missing")
	case i.Name == "":
		return errors.New("the Name is missing")
	case i.Price.Amount < 0:
		return errors.New("the Price is negative")
	case i.Price.Currency == "":
		return errors.New("the Price has no currency; use payments.IDR")
	}
	return nil
}

// staticCatalog is a catalogue in code.
type staticCatalog struct {
	plans Plans
	items Items
}

func (c staticCatalog) Plan(_ context.Context, _, id string) (Plan, error) {
	for _, p := range c.plans {
		if p.ID == id {
			return p, nil
		}
	}
	return Plan{}, fmt.Errorf("plan %q: %w", clip(id), ErrNotFound)
}

func (c staticCatalog) Item(_ context.Context, _, id string) (Item, error) {
	for _, item := range c.items {
		if item.ID == id {
			return item, nil
		}
	}
	return Item{}, fmt.Errorf("item %q: %w", clip(id), ErrNotFound)
}
