package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// scale: what Lunas does in a shop that has had many payments, beside the same
// in one that has had few.

// fewPayments are those of the small shop.
const fewPayments = 10_000

// scaled are the runs of a shop that has had n payments, and one that has had
// few. That is made anew for each turn, or the turns themselves would make it
// a larger one; the other is kept.
func scaled(few, n int, short bool) []runSpec {
	small := fmt.Sprintf("lunas at %d", few)
	messages, pages, claims := 20_000, 5_000, 20_000
	if short {
		messages, pages, claims = 1_000, 200, 1_000
	}
	name := func(what string) string { return fmt.Sprintf("scale/pg/%d/%s", n, what) }
	run := func(what string, concurrency, messages int, turn func(*bench, context.Context, runSpec, string, *shop) (sample, error)) runSpec {
		return runSpec{
			name: name(what), dialect: postgres, concurrency: concurrency, messages: messages, limit: 15 * time.Second,
			contenders: []string{subject, small}, floor: small, compare: byTime, goals: []goal{atMost(1.2)}, sized: "pool",
			turn: func(b *bench, ctx context.Context, run runSpec, contender string, _ int) (sample, error) {
				size := n
				if contender == small {
					size = few
				}
				s, err := b.shop(ctx, size, contender == small)
				if err != nil {
					return sample{}, err
				}
				return turn(b, ctx, run, contender, s)
			},
		}
	}
	return []runSpec{
		run("B1/64", 64, messages, (*bench).scaledNotifications),
		run("history", 1, pages, (*bench).scaledHistory),
		run("claiming", 1, claims, (*bench).scaledClaims),
	}
}

// setup of the measured store in the shop.
func (s *shop) setup(b *bench) setup {
	return setup{Contender: subject, Dialect: postgres, DSN: s.dsn, Pool: b.pool}
}

// scaledNotifications is B1, of orders that are made besides.
func (b *bench) scaledNotifications(ctx context.Context, run runSpec, contender string, s *shop) (sample, error) {
	made := s.setup(b)
	host := &lunas{made}
	refs, err := host.prepare(ctx, run.messages)
	if err != nil {
		return sample{}, fmt.Errorf("prepare: %w", err)
	}
	if err := s.execOn(ctx, "CHECKPOINT"); err != nil {
		return sample{}, err
	}
	messages := run.mix(refs)
	m, err := measure(ctx, run, serving{Setup: made, Profile: b.profileOf(run, contender)}, messages)
	if err != nil {
		return sample{}, err
	}
	result := m.sample(run.name, contender)
	host.setup.Since = slices.Min(refs)
	faults, err := inspectRows(ctx, s.scratch, host.audit(), standings(refs, messages[:m.sent()]))
	result.Faults = append(result.Faults, faults...)
	if err != nil {
		return result, err
	}
	// Nobody calls the hooks, and they are not to be claimed in another run; nor
	// are the orders to be asked about at a gateway that is not there.
	return result, errors.Join(
		s.execOn(ctx, "UPDATE lunas_payment SET wake_at = NULL WHERE wake_at IS NOT NULL"),
		s.execOn(ctx, "DELETE FROM lunas_delivery"), s.execOn(ctx, "VACUUM lunas_delivery"))
}

// scaledHistory is GET /payments of some buyers who come back, the first page.
func (b *bench) scaledHistory(ctx context.Context, run runSpec, contender string, s *shop) (sample, error) {
	made := s.setup(b)
	made.Buyers = s.buyers()
	warm := 2 * askingBuyers // what they ask for is in memory
	return repeated(ctx, run, contender, &looping{Setup: made, Loop: "scale/history", Warm: warm, Times: run.messages})
}

const (
	// askingBuyers come back, one after the other.
	askingBuyers = 100
	// historyPage is how many payments a page has.
	historyPage = 20
)

func readHistory(ctx context.Context, s setup) (func(context.Context, int) error, func(), error) {
	host := &lunas{s}
	store, closeDB, err := host.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	config := host.config(store)
	config.Identify = func(r *http.Request) (payments.EndUser, error) {
		return payments.EndUser{ID: r.Header.Get("User")}, nil
	}
	pay, err := payments.New(config)
	if err != nil {
		closeDB()
		return nil, nil, err
	}
	handler := pay.Handler()
	once := func(ctx context.Context, i int) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/payments", nil)
		if err != nil {
			return err
		}
		// Those who ask are spread over all buyers.
		r.Header.Set("User", filledBuyer(i%askingBuyers*max(1, s.Buyers/askingBuyers)%s.Buyers))
		w := &page{header: http.Header{}}
		handler.ServeHTTP(w, r)
		if n := bytes.Count(w.body.Bytes(), []byte(`"payment_id":`)); n != historyPage {
			return fmt.Errorf("a page of %s has %d payments, not %d", r.Header.Get("User"), n, historyPage)
		}
		return nil
	}
	return once, closeDB, nil
}

// page is an answer that is kept.
type page struct {
	header http.Header
	body   bytes.Buffer
}

func (p *page) Header() http.Header         { return p.header }
func (p *page) WriteHeader(int)             {}
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

// claimBatch is how many deliveries are claimed at once.
const claimBatch = 20

// scaledClaims is leasing deliveries that are due, and finishing them.
func (b *bench) scaledClaims(ctx context.Context, run runSpec, contender string, s *shop) (sample, error) {
	made := s.setup(b)
	queue := &lunasHooks{lunas: lunas{made}}
	ids, err := queue.prepare(ctx, run.messages)
	if err != nil {
		return sample{}, fmt.Errorf("prepare: %w", err)
	}
	closeDB, err := queue.open(ctx)
	if err != nil {
		return sample{}, err
	}
	defer closeDB()
	if err := queue.commit(ctx, ids); err != nil {
		return sample{}, fmt.Errorf("prepare: %w", err)
	}
	if err := s.execOn(ctx, "CHECKPOINT"); err != nil {
		return sample{}, err
	}
	warm := len(ids) / claimBatch / 10
	result, err := repeated(ctx, run, contender, &looping{
		Setup: made, Loop: "scale/claim", Warm: warm, Times: len(ids)/claimBatch - warm,
	})
	if err != nil {
		return sample{}, err
	}
	queue.setup.Since = slices.Min(ids)
	result.PerSecond, result.CPU, result.Extra = result.PerSecond*claimBatch, result.CPU/claimBatch, nil // of one delivery
	queue.setup.Delivers = true                                                                          // what was finished is in the log
	a := queue.audit()
	delete(a, "messages") // the events did not come of any
	faults, err := inspectRows(ctx, s.scratch, a, map[standing][]string{standsPaid: ids})
	result.Faults = append(result.Faults, faults...)
	return result, err
}

func claimDeliveries(ctx context.Context, s setup) (func(context.Context, int) error, func(), error) {
	store, closeDB, err := (&lunas{s}).open(ctx)
	if err != nil {
		return nil, nil, err
	}
	once := func(ctx context.Context, _ int) error {
		now := time.Now().UTC().Truncate(time.Microsecond)
		leased, err := store.LeaseDeliveries(ctx, payments.DeliveryLease{
			Lease: payments.Lease{Now: now, Until: now.Add(time.Minute), Limit: claimBatch}, Owner: "bench",
			Targets: []payments.Target{{Name: payments.HookTarget(lane)}},
		})
		if err != nil {
			return err
		}
		if len(leased) != claimBatch {
			return fmt.Errorf("%d deliveries were claimed, not %d", len(leased), claimBatch)
		}
		outcomes := make([]payments.Outcome, len(leased))
		for i, d := range leased {
			outcomes[i] = payments.Outcome{DeliveryID: d.ID, Lease: d.Lease, State: payments.DeliveryDone, At: now}
		}
		lost, err := store.Finish(ctx, outcomes)
		if err == nil && len(lost) > 0 {
			err = errors.New(strconv.Itoa(len(lost)) + " leases were lost")
		}
		return err
	}
	return once, closeDB, nil
}
