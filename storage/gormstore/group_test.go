package gormstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

// Updates that share transactions, on databases.

// crowd is how many callers there are: as many as a batch takes.
const crowd = 64

// mark is an update that leaves its name in every table that updates write.
func mark(name string) payments.UpdateFunc {
	return func(s payments.Snapshot) (payments.Change, error) {
		p := s.Payment
		if p == nil {
			return payments.Change{}, payments.ErrNotFound
		}
		p.Notes = append(p.Notes, name)
		p.LastSeq++
		e := payments.Event{
			ID: payments.EventID(p.ID, p.LastSeq), PaymentID: p.ID, Kind: payments.EventPending, Version: 1,
			Seq: p.LastSeq, At: t0, Data: []byte(strconv.Quote(name)),
		}
		return payments.Change{
			Payment: p, Refs: []payments.Ref{payments.ByGatewayRef("mark", name)}, Events: []payments.Event{e},
			Deliveries: []payments.Delivery{{ID: payments.DeliveryID(e.ID, "hook:fulfil"), Target: "hook:fulfil", Event: e, Due: t0}},
			Messages:   []payments.Message{{ID: payments.ID(name), PaymentID: p.ID, Gateway: "mark", Ref: name, Raw: []byte(name), At: t0}},
		}, nil
	}
}

// markOnce is mark for a caller that does not know whether it has done it.
func markOnce(name string) payments.UpdateFunc {
	return func(s payments.Snapshot) (payments.Change, error) {
		if s.Payment != nil && slices.Contains(s.Payment.Notes, name) {
			return payments.Change{}, nil
		}
		return mark(name)(s)
	}
}

// requireMarked requires the traces of the names, each once, and no others.
func requireMarked(t *testing.T, store payments.Store, id payments.ID, names ...string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	p, err := store.Get(ctx, payments.ByID(id))
	require.NoError(t, err)
	require.ElementsMatch(t, names, p.Notes)
	require.EqualValues(t, 1+len(names), p.Version)
	require.Equal(t, 1+len(names), p.LastSeq)

	events, err := store.Events(ctx, payments.EventQuery{PaymentID: id, Limit: 500})
	require.NoError(t, err)
	told := []string{"{}"} // by createPayment
	for _, name := range p.Notes {
		told = append(told, strconv.Quote(name))
	}
	require.Len(t, events.Items, len(told))
	for i, e := range events.Items {
		require.Equal(t, told[i], string(e.Data), "an event in the order of the notes")
	}
	deliveries, err := store.Deliveries(ctx, payments.DeliveryQuery{PaymentID: id, Limit: 500})
	require.NoError(t, err)
	require.Len(t, deliveries.Items, 1+len(names))
	messages, err := store.Messages(ctx, payments.MessageQuery{PaymentID: id, Limit: 500})
	require.NoError(t, err)
	require.Len(t, messages.Items, 1+len(names))
	for _, name := range names {
		owner, err := store.Get(ctx, payments.ByGatewayRef("mark", name))
		require.NoError(t, err)
		require.Equal(t, id, owner.ID)
	}
}

// createMany creates payments, each by an update of its own.
func createMany(t *testing.T, store payments.Store, n int) (ids []payments.ID) {
	t.Helper()
	ids = make([]payments.ID, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { ids[i] = createPayment(t, store, "hook:fulfil").ID })
	}
	all.Wait()
	return ids
}

// together holds the store's first leader back until n callers are on their
// way, so that they share batches: one batch if n is at most 16, else three at
// most, but for one who was late.
func together(t *testing.T, store *gormstore.Store, n int, call func(i int)) {
	t.Helper()
	started, plug := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var all sync.WaitGroup
	all.Go(func() {
		_, err := store.Update(t.Context(), payments.Ref{}, func(payments.Snapshot) (payments.Change, error) {
			once.Do(func() { close(started) })
			<-plug
			return payments.Change{}, nil
		})
		assert.NoError(t, err)
	})
	<-started
	arrived := make(chan struct{}, n)
	for i := range n {
		all.Go(func() {
			arrived <- struct{}{}
			call(i)
		})
		<-arrived
		if n <= 16 { // one after the other
			require.Eventually(t, func() bool { return store.Waiting() == i+1 }, patience, tick)
		}
	}
	close(plug)
	all.Wait()
}

// update is one that must succeed.
func update(t *testing.T, store payments.Store, ref payments.Ref, fn payments.UpdateFunc) *payments.Payment {
	p, err := store.Update(t.Context(), ref, fn)
	assert.NoError(t, err)
	return p
}

func TestUpdatesShareTransactions(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		dsn, tap := e.create(t), &tap{}
		store := openStore(t, e.open(t, dsn, tap), nil)
		elsewhere := openStore(t, e.open(t, dsn, nil), nil)
		ids := createMany(t, store, crowd)
		before := tap.count("COMMIT")
		together(t, store, crowd, func(i int) {
			name := fmt.Sprint("a-", i)
			p := update(t, store, payments.ByID(ids[i]), mark(name))
			if !assert.NotNil(t, p) {
				return
			}
			assert.Equal(t, ids[i], p.ID, "its own")
			assert.Equal(t, []string{name}, p.Notes)
			got, err := elsewhere.Get(t.Context(), payments.ByGatewayRef("mark", name))
			assert.NoError(t, err)
			assert.Equal(t, p, got, "it is there when it is returned")
		})
		require.Less(t, tap.count("COMMIT")-before, crowd/4)
		require.Zero(t, tap.count("ROLLBACK"))
		for i, id := range ids {
			requireMarked(t, elsewhere, id, fmt.Sprint("a-", i))
		}
	})
}

// refuse makes the database refuse messages of one id.
func refuse(t *testing.T, db *gorm.DB, id string) {
	t.Helper()
	for _, statement := range map[string][]string{
		"sqlite": {`CREATE TRIGGER no BEFORE INSERT ON lunas_message WHEN NEW.id = '` + id + `' BEGIN SELECT RAISE(ABORT, 'no'); END`},
		"postgres": {
			`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
			`CREATE TRIGGER no BEFORE INSERT ON lunas_message FOR EACH ROW WHEN (NEW.id = '` + id + `') EXECUTE FUNCTION no()`,
		},
		"mysql": {`CREATE TRIGGER no BEFORE INSERT ON lunas_message FOR EACH ROW
			IF NEW.id = '` + id + `' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END IF`},
	}[db.Name()] {
		require.NoError(t, db.Exec(statement).Error)
	}
}

var errMine = errors.New("fn's own")

// Of a crowd one has a row that the database refuses, one takes a name that is
// another's, one an fn that fails, one an fn that panics, and one has left.
func TestFailuresHarmNoOther(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		db := e.open(t, e.create(t), nil)
		store := openStore(t, db, nil)
		ids := createMany(t, store, crowd)
		refuse(t, db, "b-13")
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		ends := make([]error, crowd)
		together(t, store, crowd, func(i int) {
			ctx, fn := t.Context(), mark(fmt.Sprint("b-", i))
			switch i {
			case 21:
				fn = func(s payments.Snapshot) (payments.Change, error) {
					c, err := mark("b-21")(s)
					c.Refs = append(c.Refs, payments.ByGatewayRef("midtrans", "order-"+string(ids[0])))
					return c, err
				}
			case 33:
				fn = func(payments.Snapshot) (payments.Change, error) { return payments.Change{}, errMine }
			case 42:
				fn = func(payments.Snapshot) (payments.Change, error) { panic("mine") }
				defer func() { ends[i] = fmt.Errorf("panic: %v", recover()) }()
			case 55:
				ctx = canceled
			}
			_, ends[i] = store.Update(ctx, payments.ByID(ids[i]), fn)
		})
		for i, err := range ends {
			switch i {
			case 13:
				require.ErrorContains(t, err, "no")
			case 21:
				require.ErrorIs(t, err, payments.ErrRefTaken)
			case 33:
				require.Equal(t, errMine, err, "as it is")
			case 42:
				require.EqualError(t, err, "panic: mine")
			case 55:
				require.ErrorIs(t, err, context.Canceled)
			default:
				require.NoError(t, err)
				requireMarked(t, store, ids[i], fmt.Sprint("b-", i))
				continue
			}
			requireMarked(t, store, ids[i])
		}
	})
}

// Updates of one payment in one batch see each other, in the order in which
// they came; each gets the payment as it left it.
func TestUpdatesOfOnePaymentInABatch(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, e engine) {
		tap := &tap{}
		store := openStore(t, e.open(t, e.create(t), tap), nil)
		id := createPayment(t, store, "hook:fulfil").ID
		refs := []payments.Ref{payments.ByID(id), payments.ByGatewayRef("midtrans", "order-"+string(id))}
		before, names, results := tap.count("COMMIT"), make([]string, 10), make([]*payments.Payment, 10)
		for i := range names {
			names[i] = fmt.Sprint("c-", i)
		}
		together(t, store, len(names), func(i int) {
			results[i] = update(t, store, refs[i%2], mark(names[i]))
		})
		require.Equal(t, 2, tap.count("COMMIT")-before, "that of together, and one")
		for i, p := range results {
			require.Equal(t, names[:i+1], p.Notes)
			require.EqualValues(t, i+2, p.Version)
		}
		requireMarked(t, store, id, names...)
	})
}
