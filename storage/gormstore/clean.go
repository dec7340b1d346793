package gormstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// What is old is found by the primary key: ids begin with the time at which
// they were made, so the oldest rows are the first ones. No index is kept for
// it, and no lock is held while it is looked for. The rows are then deleted one
// by one, by their whole key: for a set of keys some databases read a small
// table from end to end, and would wait for whatever others have locked there.

// aged is a kind of rows that are deleted when they are old.
type aged struct {
	table string
	key   []string // columns, the first one an id
	old   string   // with one time
	scan  func(row) ([]any, error)
}

var (
	agedDeliveries = aged{
		table: "lunas_delivery_log", key: []string{"payment_id", "seq", "target"}, old: "done_at < ?",
		scan: func(r row) ([]any, error) {
			var k deliveryKey
			err := r.Scan(&k.payment, &k.seq, &k.target)
			return []any{k.payment, k.seq, k.target}, err
		},
	}
	agedMessages = aged{
		table: "lunas_message", key: []string{"id"}, old: "at < ? AND verdict <> 'parked'",
		scan: func(r row) ([]any, error) {
			id, err := scanOne[string](r)
			return []any{id}, err
		},
	}
)

// Clean implements payments.Cleaner. It takes a transaction for each hundred
// rows, so that locks are short. In a transaction of the host they last until
// its end; better clean outside.
func (s *Store) Clean(ctx context.Context, c payments.Cleaning) (more bool, err error) {
	if err := ctx.Err(); err != nil || c.Limit <= 0 {
		return false, err
	}
	for _, kind := range []struct {
		aged
		before time.Time
		come   *progress
	}{
		{agedDeliveries, c.DeliveriesBefore, &s.cleaned.deliveries},
		{agedMessages, c.MessagesBefore, &s.cleaned.messages},
	} {
		if kind.before.IsZero() {
			continue
		}
		come := kind.come
		if s.bound != nil {
			come = &progress{} // the host may roll back
		}
		some, err := s.cleanTable(ctx, kind.aged, kind.before, c.Limit, come)
		if err != nil {
			return false, fmt.Errorf("clean %s: %w", kind.table, err)
		}
		more = more || some
	}
	return more, nil
}

// cleanTable deletes a batch and tells whether it was full.
func (s *Store) cleanTable(ctx context.Context, a aged, before time.Time, limit int, come *progress) (full bool, err error) {
	id, columns := a.key[0], strings.Join(a.key, ", ")
	found, err := query(ctx, s.reader(), a.scan, "SELECT "+columns+" FROM "+a.table+s.dialect.byKey()+
		" WHERE "+id+" >= ? AND "+id+" < ? AND "+a.old+" ORDER BY "+columns+" LIMIT ?",
		come.from(before), string(payments.FirstID(before)), micros(before), limit)
	if err != nil {
		return false, err
	}
	for part := range slices.Chunk(found, maxRows) {
		err := s.write(ctx, func(_ context.Context, c *conn) error {
			for _, key := range part {
				// It may have changed since it was found.
				c.later(c.step("DELETE FROM "+a.table+" WHERE "+strings.Join(a.key, " = ? AND ")+" = ? AND "+a.old,
					slices.Concat(key, []any{micros(before)})...))
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	if full = len(found) == limit; full {
		come.to(before, found[limit-1][0].(string))
	} else {
		come.to(before, "")
	}
	return full, nil
}

// cleaned is how far the cleaning in batches has come.
type cleaned struct{ deliveries, messages progress }

// progress spares a batch what those before it have passed: rows that are left
// alone, and those that are deleted but, to the database, not gone yet. A
// cleaning that is done begins anew.
type progress struct {
	mu     sync.Mutex
	before time.Time
	id     string
}

// from is where the cleaning of what is older than before goes on.
func (p *progress) from(before time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.before.Equal(before) {
		return ""
	}
	return p.id
}

func (p *progress) to(before time.Time, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before, p.id = before, id
}
