package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"github.com/lunaspay/lunas/adapters/gateways/midtrans/midtranstest"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/storage/gormstore"
)

const (
	kills  = 40
	buyers = 4
)

func TestMain(m *testing.M) {
	if args := os.Getenv("LUNAS_CRASH_CHILD"); args != "" {
		parts := strings.Split(args, "\n")
		fmt.Fprintln(os.Stderr, "child:", child(parts[0], parts[1], parts[2]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A process is killed with SIGKILL at random moments while buyers check out
// and pay and the gateway sends every notification three times, in random
// order, and again when nobody answers. Then: every order that was paid has
// exactly one effect of the transactional hook and at least one call of the
// plain one, and no other order has any.
func TestNothingIsLostOrDoneTwiceWhenTheProcessIsKilled(t *testing.T) {
	w := newWorld(t)
	w.start()

	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range buyers {
		all.Go(func() { w.buyUntil(ctx, i) })
	}
	all.Go(func() { w.deliverUntil(ctx) })
	for range kills {
		w.killAfter(5 + rand.IntN(30))
		w.start()
	}
	stop()
	all.Wait()
	w.deliverAll()

	paid, unpaid := w.orders()
	t.Logf("%d kills, %d orders paid, %d not, %d notifications sent", kills, len(paid), len(unpaid), w.sent)
	require.Greater(t, len(paid), kills, "the test must do some work")
	require.NotEmpty(t, unpaid)

	db, err := openDB(w.file)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			explain(t, db, paid)
		}
	})
	poll(t, "every paid order has its effects", func() bool {
		effects, calls := count(t, db)
		for id := range paid {
			if effects[id] == 0 || calls[id] == 0 {
				return false
			}
		}
		return true
	})
	w.kill()
	effects, calls := count(t, db)
	repeated := 0
	for id := range paid {
		require.Equal(t, 1, effects[id], "paid order %s: effects of the transactional hook", id)
		require.GreaterOrEqual(t, calls[id], 1, "paid order %s: calls of the plain hook", id)
		repeated += calls[id] - 1
	}
	t.Logf("%d calls of the plain hook were repeats", repeated)
	require.Positive(t, repeated, "no kill hit a hook in flight: the test has proved nothing")
	for id := range unpaid {
		require.Zero(t, effects[id], "unpaid order %s: effects", id)
		require.Zero(t, calls[id], "unpaid order %s: calls", id)
	}
	require.Len(t, effects, len(paid), "effects of orders that nobody knows")
	requireConsistent(t, db, paid)
}

// requireConsistent compares what the store says with what was paid.
func requireConsistent(t *testing.T, db *gorm.DB, paid map[string]bool) {
	t.Helper()
	store, err := gormstore.Open(t.Context(), db, nil)
	require.NoError(t, err)
	settled := map[string]bool{}
	for cursor := ""; ; {
		page, err := store.Payments(t.Context(), payments.PaymentQuery{Cursor: cursor, Limit: 500})
		require.NoError(t, err)
		for _, p := range page.Items {
			if p.Status == payments.StatusSettled {
				settled[string(p.ID)] = true
			}
			events, err := store.Events(t.Context(), payments.EventQuery{PaymentID: p.ID})
			require.NoError(t, err)
			require.Len(t, events.Items, p.LastSeq, "history of %s", p.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Equal(t, paid, settled, "settled payments are the paid orders")
}

// explain tells the story of paid orders that lack something.
func explain(t *testing.T, db *gorm.DB, paid map[string]bool) {
	t.Helper()
	ctx := context.Background()
	store, err := gormstore.Open(ctx, db, nil)
	if err != nil {
		t.Log(err)
		return
	}
	effects, calls := count(t, db)
	for id := range paid {
		if effects[id] == 1 && calls[id] > 0 {
			continue
		}
		p, err := store.Get(ctx, payments.ByID(payments.ID(id)))
		if err != nil {
			t.Logf("order %s: %v", id, err)
			continue
		}
		deliveries, err := store.Deliveries(ctx, payments.DeliveryQuery{PaymentID: p.ID})
		t.Logf("order %s: %d effects, %d calls, %s, wakes at %s, deliveries (%v):", id, effects[id], calls[id], p.Status, p.WakeAt, err)
		for _, d := range deliveries.Items {
			t.Logf("  %s to %s: %s, due %s, tries %d, %s", d.Event.Kind, d.Target, d.State, d.Due, d.Tries, d.LastError)
		}
	}
}

// count returns the settled effects and the calls of each order.
func count(t *testing.T, db *gorm.DB) (effects, calls map[string]int) {
	t.Helper()
	effects, calls = map[string]int{}, map[string]int{}
	var es []Effect
	require.NoError(t, db.Where("kind = ?", "settled").Find(&es).Error)
	for _, e := range es {
		effects[e.OrderID]++
	}
	var cs []Call
	require.NoError(t, db.Find(&cs).Error)
	for _, c := range cs {
		calls[c.OrderID]++
	}
	return effects, calls
}

// world is everything outside the app: the gateway, the buyers, the network,
// and whoever pulls the plug.
type world struct {
	t    *testing.T
	sim  *midtranstest.Server
	addr string
	file string
	http *http.Client

	answered atomic.Int64 // requests of buyers and notifications

	mu    sync.Mutex
	cmd   *exec.Cmd
	paid  map[string]bool
	other map[string]bool
	mail  []letter
	sent  int
}

// letter is a copy of a notification that has not been taken yet.
type letter struct {
	body  []byte
	tries int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := listener.Addr().String()
	require.NoError(t, listener.Close())
	sim := midtranstest.NewServer(midtranstest.WithKeys(serverKey, "SB-Mid-client-crash-test"))
	t.Cleanup(sim.Close)
	w := &world{
		t: t, sim: sim, addr: addr, file: filepath.Join(t.TempDir(), "crash.db"),
		http: &http.Client{Timeout: 10 * time.Second}, paid: map[string]bool{}, other: map[string]bool{},
	}
	t.Cleanup(w.kill)
	return w
}

func (w *world) start() {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LUNAS_CRASH_CHILD="+w.addr+"\n"+w.file+"\n"+w.sim.URL)
	cmd.Stderr = os.Stderr
	require.NoError(w.t, cmd.Start())
	w.mu.Lock()
	w.cmd = cmd
	w.mu.Unlock()
	poll(w.t, "the app answers", func() bool {
		resp, err := w.http.Get("http://" + w.addr + "/payments?limit=1")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
}

// killAfter pulls the plug when so many more requests have been answered, or
// in the middle of one of them: the moment is random, and a slow machine has as
// much done by then as a fast one.
func (w *world) killAfter(answers int) {
	from := w.answered.Load()
	poll(w.t, "the app answers", func() bool { return w.answered.Load() >= from+int64(answers) })
	<-time.After(rand.N(5 * time.Millisecond))
	w.kill()
}

func (w *world) kill() {
	w.mu.Lock()
	cmd := w.cmd
	w.cmd = nil
	w.mu.Unlock()
	if cmd == nil {
		return
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		w.t.Errorf("kill: %v", err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		w.t.Errorf("the app ended before it was killed: %v", err)
	}
}

// buyUntil checks out and lets some orders be paid, some denied, some left.
func (w *world) buyUntil(ctx context.Context, buyer int) {
	for n := 0; ctx.Err() == nil; n++ {
		body := `{"items":[{"id":"mug","quantity":1}]}`
		if n%2 == 0 {
			body = `{"plan_id":"pro"}`
		}
		id := w.checkout(ctx, fmt.Sprintf("buyer-%d", buyer), body, fmt.Sprintf("key-%d-%d", buyer, n))
		if id == "" {
			return
		}
		paid := false
		switch n % 5 {
		case 3:
			if err := w.sim.Deny(id); err != nil {
				w.t.Errorf("deny %s: %v", id, err)
			}
		case 4: // walks away
		default:
			if err := w.sim.Pay(id); err != nil {
				w.t.Errorf("pay %s: %v", id, err)
			}
			paid = true
		}
		w.mu.Lock()
		if paid {
			w.paid[id] = true
		} else {
			w.other[id] = true
		}
		for _, sent := range w.sim.Take() {
			for range 3 {
				w.mail = append(w.mail, letter{body: sent.Body})
			}
		}
		rand.Shuffle(len(w.mail), func(i, j int) { w.mail[i], w.mail[j] = w.mail[j], w.mail[i] })
		w.mu.Unlock()
	}
}

// checkout asks under one key until it gets an answer, as a client whose
// connection broke would.
func (w *world) checkout(ctx context.Context, user, body, key string) string {
	for {
		req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://"+w.addr+"/checkout", strings.NewReader(body))
		if err != nil {
			w.t.Error(err)
			return ""
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-User", user)
		req.Header.Set("Idempotency-Key", key)
		resp, err := w.http.Do(req)
		if err == nil {
			w.answered.Add(1)
			raw, readErr := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			var answer struct {
				PaymentID string `json:"payment_id"`
			}
			if readErr == nil && resp.StatusCode == http.StatusCreated && json.Unmarshal(raw, &answer) == nil {
				return answer.PaymentID
			}
			if readErr == nil && resp.StatusCode == http.StatusConflict {
				// The former process died while it asked the gateway: the
				// reconciler finishes that one. Take another key.
				key += "'"
				continue
			}
		}
		if ctx.Err() != nil {
			return ""
		}
		<-time.After(10 * time.Millisecond) // between tries
	}
}

// deliverUntil sends what is waiting, in whatever order.
func (w *world) deliverUntil(ctx context.Context) {
	for ctx.Err() == nil {
		if !w.deliverOne() {
			<-time.After(5 * time.Millisecond)
		}
	}
}

func (w *world) deliverAll() {
	for w.deliverOne() {
	}
}

// deliverOne sends a copy; it goes back into the bag, a few times, if nobody
// takes it. Then it is lost, as with the real gateway.
func (w *world) deliverOne() bool {
	w.mu.Lock()
	if len(w.mail) == 0 {
		w.mu.Unlock()
		return false
	}
	l := w.mail[0]
	w.mail = w.mail[1:]
	w.sent++
	w.mu.Unlock()

	resp, err := w.http.Post("http://"+w.addr+"/notifications/midtrans", "application/json", bytes.NewReader(l.body))
	taken := false
	if err == nil {
		w.answered.Add(1)
		taken = resp.StatusCode == http.StatusOK
		_ = resp.Body.Close()
	}
	if l.tries++; !taken && l.tries < 5 {
		w.mu.Lock()
		w.mail = append(w.mail, l)
		w.mu.Unlock()
	}
	return true
}

func (w *world) orders() (paid, unpaid map[string]bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paid, w.other
}

// poll waits until ok, or fails after two minutes: what a killed process had
// leased is taken over within one.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}
