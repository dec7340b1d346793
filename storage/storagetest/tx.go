package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// txCases are about a store in the host's transaction.
var txCases = []struct {
	name string
	run  func(c *checker, begin func() *transaction)
}{
	{"tx/commit", txCommit},
	{"tx/rollback", txRollback},
	{"tx/updates see one another", txOwnWrites},
	{"tx/a failed fn does no harm", txFailedFn},
	{"tx/a taken ref does no harm", txRefTaken},
	{"tx/create by key", txCreateByKey},
	{"tx/finish", txFinish},
	{"tx/lost finish", txFinishLost},
}

// transaction is a Bound that ends even if the case fails: what is left open
// may keep the database from being closed.
type transaction struct {
	Bound
	ended bool
}

func startTransaction(t *testing.T, b Bound) *transaction {
	tx := &transaction{Bound: b}
	t.Cleanup(func() {
		if tx.ended {
			return
		}
		if err := b.Rollback(); err != nil {
			t.Errorf("roll back what a failed case left open: %v", err)
		}
	})
	return tx
}

func (c *checker) commit(tx *transaction) {
	c.t.Helper()
	tx.ended = true
	c.ok(tx.Commit(), "Commit")
}

func (c *checker) rollback(tx *transaction) {
	c.t.Helper()
	tx.ended = true
	c.ok(tx.Rollback(), "Rollback")
}

func txCommit(c *checker, begin func() *transaction) {
	c.rule("what Updates in the host's transaction changed is there after its commit")
	old := c.create(c.fullPayment())
	changed := c.fullPayment()
	changed.ID = old.ID
	changed.Reference = "changed"
	change := c.everything(changed)
	fresh := c.payment()
	tx := begin()
	in := c.on(tx.Store)
	in.change(old.ID, change)
	in.create(fresh)
	c.commit(tx)
	c.stored(change)
	c.same("changed", c.get(payments.ByID(old.ID)).Reference, "the changed field")
	c.same(fresh.ID, c.get(payments.ByID(fresh.ID)).ID, "the payment created")

	c.rule("a delivery committed by the host's transaction can be leased")
	c.same(deliveryID(old.ID, 1, laneA), c.leaseOne(epoch, laneA).ID, "leased")
}

func txRollback(c *checker, begin func() *transaction) {
	c.rule("nothing of what Updates in the host's transaction changed is there after its rollback")
	old := c.create(c.payment())
	change, changed := c.everything(c.fullPayment()), old.Clone()
	changed.Reference = "changed"
	m := c.fullMessage()
	tx := begin()
	in := c.on(tx.Store)
	p := change.Payment
	in.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) { return change, nil })
	in.change(old.ID, payments.Change{Payment: changed, Messages: []payments.Message{m}})
	in.stored(change)
	c.rollback(tx)
	c.notStored(change)
	c.same(old, c.get(payments.ByID(old.ID)), "the payment as it was before")
	c.same([]payments.ID{}, messageIDs(c.messages(payments.MessageQuery{})), "messages")
	c.same([]payments.ID{old.ID}, paymentIDs(c.payments(payments.PaymentQuery{})), "payments")

	c.rule("after a rollback the same can be committed")
	tx = begin()
	c.on(tx.Store).create(p)
	c.on(tx.Store).change(p.ID, change)
	c.commit(tx)
	c.stored(change)
}

func txOwnWrites(c *checker, begin func() *transaction) {
	c.rule("in a transaction, every call sees what those before it did")
	tx := begin()
	in := c.on(tx.Store)
	change := in.everything(c.fullPayment())
	id := change.Payment.ID
	in.update(payments.Ref{}, func(payments.Snapshot) (payments.Change, error) { return change, nil })
	in.stored(change)
	in.emit(id, []string{laneA}, payments.EventSettled)
	in.same(3, in.get(payments.ByID(id)).LastSeq, "LastSeq")
	in.same(int64(2), in.get(payments.ByID(id)).Version, "Version")
	_, err := in.store.Get(c.ctx, payments.ByID(payments.NewID()))
	in.isError(err, payments.ErrNotFound, "Get of no payment")
	in.emit(id, []string{laneA}, payments.EventRefunded)
	c.commit(tx)
	c.same(4, len(c.events(id)), "number of events after the commit")
	c.same(int64(3), c.get(payments.ByID(id)).Version, "Version after the commit")
}

func txFailedFn(c *checker, begin func() *transaction) {
	c.rule("when fn fails in the host's transaction, its error is returned as it is, nothing of its Change is stored, and the transaction goes on")
	tx := begin()
	in := c.on(tx.Store)
	first := in.create(c.payment())
	bad := in.everything(c.fullPayment())
	mine := errors.New("fn's own")
	_, err := in.store.Update(c.ctx, payments.Ref{}, func(payments.Snapshot) (payments.Change, error) { return bad, mine })
	if err != mine { //nolint:errorlint // not even wrapped
		c.failf("Update: want the very error that fn returned, got %v", err)
	}
	second := in.create(c.payment())
	c.commit(tx)
	c.notStored(bad)
	c.same([]payments.ID{second.ID, first.ID}, paymentIDs(c.payments(payments.PaymentQuery{})), "payments after the commit")
}

func txRefTaken(c *checker, begin func() *transaction) {
	c.rule("in the host's transaction, ErrRefTaken stores nothing of the Change and the transaction goes on: the host decides whether to commit")
	theirs, mine := payments.ByGatewayRef("snap", "theirs"), payments.ByGatewayRef("snap", "mine")
	owner := c.create(c.payment(), theirs)
	old := c.create(c.fullPayment())
	changed := old.Clone()
	changed.Reference = "changed"
	tx := begin()
	in := c.on(tx.Store)
	first := in.create(c.payment(), mine)

	bad := in.everything(c.fullPayment())
	bad.Payment.User.ID = "another, so that the claim is another"
	bad.Claim.UserID = bad.Payment.User.ID
	free := bad.Refs
	for _, taken := range []payments.Ref{theirs, mine} {
		bad.Refs = append([]payments.Ref{taken}, free...)
		in.taken(payments.Ref{}, bad)
		in.taken(bad.Refs[1], bad)
		in.taken(payments.ByID(old.ID), payments.Change{Payment: changed, Refs: []payments.Ref{taken}})
	}
	second := in.create(c.payment(), payments.ByGatewayRef("snap", "free"))
	in.emit(second.ID, []string{laneA}, payments.EventCreated)
	c.commit(tx)

	bad.Refs = free
	c.notStored(bad)
	c.same(old, c.get(payments.ByID(old.ID)), "the payment that was to get a taken Ref")
	c.same(owner.ID, c.get(theirs).ID, "owner of the Ref taken before the transaction")
	c.same(first.ID, c.get(mine).ID, "owner of the Ref taken in the transaction")
	c.same(1, len(c.events(second.ID)), "number of events written after ErrRefTaken")
}

func txCreateByKey(c *checker, begin func() *transaction) {
	c.rule("in the host's transaction, Update of a key sees the payment that has it, committed before or made in the same transaction")
	committed, fresh := payments.ByKey(payments.EndUser{ID: "siti"}, "1"), payments.ByKey(payments.EndUser{ID: "siti"}, "2")
	before := c.create(c.payment(), committed)
	tx := begin()
	in := c.on(tx.Store)
	c.same(before.ID, in.update(committed, createOnce(committed, c.payment())).ID, "payment of the key used before")
	made := in.update(fresh, createOnce(fresh, c.payment()))
	c.same(made.ID, in.update(fresh, createOnce(fresh, c.payment())).ID, "payment of the key used in the transaction")
	c.commit(tx)
	c.same(made.ID, c.get(fresh).ID, "payment of the key after the commit")
	c.same(made.ID, c.update(fresh, createOnce(fresh, c.payment())).ID, "payment of the key in an Update after the commit")
}

func txFinish(c *checker, begin func() *transaction) {
	c.rule("a Finish in the host's transaction is undone by its rollback: the delivery is leased as before")
	id := c.paid(laneA, 2)
	d := c.leaseOne(epoch, laneA)
	tx := begin()
	in := c.on(tx.Store)
	in.end(d, payments.DeliveryDone)
	in.create(c.payment())
	in.same(payments.DeliveryDone, in.delivery(d.ID).State, "state in the transaction")
	c.rollback(tx)
	c.same(d, c.delivery(d.ID), "the delivery after the rollback")
	c.same([]payments.ID{}, ids(c.leaseAll(at(time.Minute), laneA)), "leased after the rollback")

	c.rule("a Finish in the host's transaction is done with its commit, together with what else it holds")
	beside := c.payment()
	tx = begin()
	in = c.on(tx.Store)
	in.end(d, payments.DeliveryDone)
	in.create(beside)
	c.commit(tx)
	c.same(payments.DeliveryDone, c.delivery(d.ID).State, "state after the commit")
	c.same(beside.ID, c.get(payments.ByID(beside.ID)).ID, "payment created beside")
	c.same([]payments.ID{d.ID}, c.finish(outcome(d, payments.DeliveryDone)), "lost: a second outcome")
	c.same(deliveryID(id, 2, laneA), c.leaseOne(epoch, laneA).ID, "leased next")
}

func txFinishLost(c *checker, begin func() *transaction) {
	c.rule("a Finish in the host's transaction whose lease is no longer current is lost, and does the transaction no harm")
	c.paid(laneA, 1)
	stale := c.leaseOne(epoch, laneA)
	fresh := c.leaseOne(at(time.Hour), laneA)
	beside := c.payment()
	tx := begin()
	in := c.on(tx.Store)
	c.same([]payments.ID{stale.ID}, in.finish(outcome(stale, payments.DeliveryDone)), "lost")
	in.create(beside)
	c.commit(tx)
	c.same(fresh, c.delivery(fresh.ID), "the delivery")
	c.same(beside.ID, c.get(payments.ByID(beside.ID)).ID, "payment created beside")
	c.same([]payments.ID(nil), c.finish(outcome(fresh, payments.DeliveryDone)), "lost, of the current lease")
}
