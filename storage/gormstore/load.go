package gormstore

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// refHash is the key of a payment's name.
func refHash(ref payments.Ref) [sha256.Size]byte {
	name, _ := json.Marshal([3]string{string(ref.Kind), ref.Scope, ref.Value}) // strings: cannot fail
	return sha256.Sum256(name)
}

type hash = [sha256.Size]byte

// claimKey is what a claim is known by.
type claimKey struct{ tenant, user, plan string }

func (k claimKey) values() []any { return []any{k.tenant, k.user, k.plan} }

// load reads and locks what the requests name: first the payments, then their
// claims, each in the order of their keys. As all transactions lock in this
// order, no two can wait for each other.
func load(ctx context.Context, c *conn, rs []*request) (*batch, error) {
	b := newBatch(c, len(rs))
	var ids []string
	var hashes []hash
	for _, r := range rs {
		switch r.ref.Kind {
		case "":
		case payments.RefID:
			ids = append(ids, r.ref.Value)
		default:
			hashes = append(hashes, r.hash)
		}
	}
	ids, hashes = distinct(ids), distinctHashes(hashes)
	var lanes []payments.LaneRecord
	c.later(reading(c, &lanes, scanLane, laneSelect))
	var names []refRow
	if len(hashes) > 0 {
		c.later(reading(c, &names, scanRef, refSelect, hashSet(hashes)))
	}
	var err error
	if len(ids)+len(hashes) == 0 {
		err = c.do(ctx)
	} else if c.pipelines {
		err = b.loadAtOnce(ctx, ids, hashes)
	} else if err = c.do(ctx); err == nil {
		for _, name := range names {
			ids = append(ids, name.payment)
		}
		err = b.loadInTurn(ctx, distinct(ids))
	}
	if err != nil {
		return nil, err
	}
	b.lanes = liveLanes(lanes)
	for _, name := range names {
		b.owners[name.hash] = payments.ID(name.payment)
	}
	return b, nil
}

// Which rows a batch reads.
const (
	paymentsOf = "SELECT " + paymentColumns + " FROM lunas_payment%s WHERE id "
	claimsOf   = "SELECT tenant, user_id, plan_key, doc FROM lunas_claim%s WHERE (tenant, user_id, plan_key) "
	headsOf    = "SELECT payment_id, target, seq, state, due FROM lunas_delivery WHERE payment_id "
	inOrder    = " ORDER BY id%s"
	claimOrder = " ORDER BY tenant, user_id, plan_key%s"
	headOrder  = " ORDER BY payment_id, target, seq"
)

// loadAtOnce reads by statements that need no results of others, in one round
// trip.
func (b *batch) loadAtOnce(ctx context.Context, ids []string, hashes []hash) error {
	d := b.c.store.dialect
	named, args := "IN ?", []any{column(ids)}
	if len(hashes) > 0 { // the two ways to name a payment in one array
		named = "= ANY(ARRAY(SELECT payment_id FROM lunas_ref WHERE hash IN ? UNION ALL SELECT * FROM unnest(?::text[])))"
		args = []any{hashSet(hashes), ids}
	}
	claims := "IN (SELECT tenant, user_id, plan_key FROM lunas_payment WHERE plan_key <> '' AND id " + named + ")"
	b.c.later(
		b.readPayments(fmt.Sprintf(paymentsOf+named+inOrder, d.byKey(), d.lock), args...),
		b.readClaims(fmt.Sprintf(claimsOf+claims+claimOrder, d.byKey(), d.lock), args...),
		b.readHeads(headsOf+named+headOrder, args...),
	)
	return b.c.do(ctx)
}

// loadInTurn reads by the keys that came of what was read before: the locks
// are taken in the order of a key that the database cannot choose not to use.
func (b *batch) loadInTurn(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	d := b.c.store.dialect
	if err := b.c.do(ctx, b.readPayments(fmt.Sprintf(paymentsOf+"IN ?"+inOrder, d.byKey(), d.lock), column(ids))); err != nil {
		return err
	}
	claims := set{}
	seen := map[claimKey]bool{}
	for _, state := range b.payments {
		if k := state.row.claim; k.plan != "" && !seen[k] {
			seen[k] = true
			claims = append(claims, k.values())
		}
	}
	if len(claims) > 0 {
		b.c.later(b.readClaims(fmt.Sprintf(claimsOf+"IN ?"+claimOrder, d.byKey(), d.lock), claims))
	}
	return b.c.do(ctx, b.readHeads(headsOf+"IN ?"+headOrder, column(ids)))
}

func (b *batch) readPayments(text string, args ...any) *step {
	st := b.c.step(text, args...)
	st.scan = func(r row) error {
		found, err := scanPayment(r)
		if err == nil {
			b.payments[payments.ID(found.id)] = &paymentState{row: found, stored: true}
		}
		return err
	}
	return st
}

func (b *batch) readClaims(text string, args ...any) *step {
	st := b.c.step(text, args...)
	st.scan = func(r row) error {
		var k claimKey
		state := &claimState{}
		err := r.Scan(&k.tenant, &k.user, &k.plan, &state.doc)
		b.claims[k] = state
		return err
	}
	return st
}

func (b *batch) readHeads(text string, args ...any) *step {
	st := b.c.step(text, args...)
	st.scan = func(r row) error {
		var found deliveryRow
		err := r.Scan(&found.payment, &found.target, &found.seq, &found.state, &found.due)
		b.addHead(found)
		return err
	}
	return st
}

// refRow is a name of a payment.
type refRow struct {
	hash    hash
	payment string
}

const refSelect = "SELECT hash, payment_id FROM lunas_ref WHERE hash IN ?"

func scanRef(r row) (found refRow, err error) {
	var raw []byte
	err = r.Scan(&raw, &found.payment)
	copy(found.hash[:], raw)
	return found, err
}

func hashSet(hashes []hash) set {
	rows := make(set, len(hashes))
	for i, h := range hashes {
		rows[i] = []any{h[:]}
	}
	return rows
}

func distinct(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}

func distinctHashes(values []hash) []hash {
	slices.SortFunc(values, func(a, b hash) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(values)
}
